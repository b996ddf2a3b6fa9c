"""Word lists for made-up people and companies, written for this demo."""


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "Alda Bero Cira Dalo Edra Fenn Galia Hale Irsa Joro Kela Lumo Mira Nolo Orla Pavo Quila Rasmo "
    "Sela Taro Ulda Varo Wila Xeno Ysra Zeno Amiro Belsa Cadro Delva Eskil Farla Gorin Hesta Ivaro "
    "Jelda Kimaro Lorna Maelo Nerys Odalo Petra Rulan Selmo Tilda Urian Vesla Wendo Yarla Zarin "
    "Asko Brila Corvo Dunja Elmo Frida Garo Hilla Ilmo Jorun Kasia Lando Meri Niklo"
)

LAST = _words(
    "Abren Baldor Carvik Dorsel Elvan Fandrel Garlin Holvek Istra Jandor Kelmar Lorvan Mordel "
    "Nandrik Ostrel Pelvin Quandor Rovelt Sandrel Tolven Ulmark Vandrik Welder Xandor Yelvin "
    "Zorvek Aldring Borvik Calden Drevan Estrom Falder Grendal Hastrel Ivring Jolvan Karding "
    "Lestrom Malvek Norring Orvald Prendal Roskel Stelvan Tarving Underal Velstrom Wardel Yarvik "
    "Zandrel Amsel Brandor Corvald Delstrom Erving Fostrel Galdring Hendral Jorvik Kolvan"
)

COMPANY_FIRST = _words(
    "amber birch bright calm cedar clear cobalt copper coral crisp dawn deep east ember fair fern "
    "field flint fresh frost glen gold grand green hazel high iron ivory jade keen lake "
    "linen lunar maple mint moss noble north oak olive open pale pearl pine plain prime quiet "
    "rapid red river sage silver slate solar south stone swift tidal true"
)

COMPANY_SECOND = _words(
    "anchor arch barn basin beam bench bloom bridge brook canvas cliff coast cove craft crest dale "
    "delta drift dune field forge gate grove harbor haven hearth hill hollow house isle lantern "
    "ledge loft loom meadow mesa mill oar orchard path peak pier point pond quarry reef ridge road "
    "sail shore spring stead studio summit tower trail vale wharf works yard"
)
