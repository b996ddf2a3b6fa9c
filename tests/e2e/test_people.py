"""Who customers are, what they say and ask for: against a count in Python, and on bad input."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

import pytest
from project import PROJECT_DIR, Project

AS_OF = datetime(2026, 7, 1)
SEEDS = PROJECT_DIR / "seeds" / "demo"
TRUTH = PROJECT_DIR / "tests" / "data_files" / "demo_truth.csv.gz"
WAREHOUSES = ["demo", pytest.param("demo_on_postgres", marks=pytest.mark.postgres)]

Row = dict[str, str]


def raw(table: str) -> list[Row]:
    """A raw table of the demo company as its file has it."""
    with (SEEDS / f"{table}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rounded(values: Iterable[float], *, digits: int = 1) -> float:
    given = list(values)
    return round(sum(given) / len(given), digits)


@pytest.fixture(scope="module")
def truth() -> list[Row]:
    with gzip.open(TRUTH, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(params=WAREHOUSES)
def company(request: pytest.FixtureRequest) -> Project:
    """The demo company on each engine, as of the end of its data."""
    project: Project = request.getfixturevalue(request.param)
    return project


@pytest.fixture(scope="module")
def answers(truth: list[Row]) -> dict[str, dict[str, list[Row]]]:
    """Answers by kind and true person, the latest last; not those of nobody and of test people."""
    by_contact = {row["contact_id"]: row for row in truth if row["contact_id"]}
    by_contact |= {row["duplicate_contact_id"]: row for row in truth if row["duplicate_contact_id"]}
    by_email = {row["email"]: row for row in truth if row["email"]}
    by_email |= {email: row for row in truth for email in row["other_emails"].split("|") if email}
    grouped: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for answer in raw("generic__survey_responses"):
        person = by_contact.get(answer["contact_id"]) or by_email.get(
            answer["email"].strip().lower()
        )
        if person and person["is_test"] == "false" and at(answer["responded_at"]) <= AS_OF:
            grouped[answer["kind"]][person["person"]].append(answer)
    for people in grouped.values():
        for given in people.values():
            given.sort(key=lambda answer: at(answer["responded_at"]))
    return grouped


def test_nps_classes_are_those_of_everybodys_latest_answer(
    company: Project, answers: dict[str, dict[str, list[Row]]]
) -> None:
    latest = [int(given[-1]["score"]) for given in answers["nps"].values()]
    expected = Counter(
        "promoter" if score >= 9 else "passive" if score >= 7 else "detractor" for score in latest
    )
    found = dict(
        company.rows(
            "select nps_class, count(*) from features.feat_customers__survey "
            "where nps_class is not null group by nps_class"
        )
    )
    assert found == expected
    changes = [
        int(given[-1]["score"]) - int(given[-2]["score"])
        for given in answers["nps"].values()
        if len(given) > 1
    ]
    assert company.rows(
        "select count(nps_change), sum(nps_change) from features.feat_customers__survey"
    ) == [(len(changes), sum(changes))]


def test_satisfaction_is_that_of_everybodys_answers(
    company: Project, answers: dict[str, dict[str, list[Row]]]
) -> None:
    latest = [int(given[-1]["score"]) for given in answers["csat"].values()]
    counted, total = company.rows(
        "select count(csat_last), sum(csat_last) from features.feat_customers__survey"
    )[0]
    assert (counted, total) == (len(latest), sum(latest))
    recent = {
        person: [
            int(answer["score"])
            for answer in given
            if 0 <= (AS_OF - at(answer["responded_at"])).total_seconds() < 180 * 86400
        ]
        for person, given in answers["csat"].items()
    }
    means = sorted(rounded(scores, digits=2) for scores in recent.values() if scores)
    found = company.rows(
        "select csat_average_last_180 from features.feat_customers__survey "
        "where csat_average_last_180 is not null order by 1"
    )
    assert [float(mean) for (mean,) in found] == pytest.approx(means, abs=0.006)


@pytest.fixture(scope="module")
def tickets(truth: list[Row]) -> dict[str, Row]:
    """Tickets that are not deleted and not of test people, by id."""
    tests = {row["zendesk_user_id"] for row in truth if row["is_test"] == "true"}
    return {
        row["id"]: row
        for row in raw("zendesk__ticket")
        if row["status"] != "deleted"
        and row["requester_id"] not in tests
        and at(row["created_at"]) <= AS_OF
    }


def test_open_tickets_are_those_whose_last_status_is_open(
    company: Project, tickets: dict[str, Row]
) -> None:
    status: dict[str, str] = {}
    changes = [row for row in raw("zendesk__ticket_field_history") if row["field_name"] == "status"]
    for change in sorted(changes, key=lambda row: at(row["updated"])):
        if change["ticket_id"] in tickets and at(change["updated"]) <= AS_OF:
            status[change["ticket_id"]] = change["value"]
    expected = {ticket for ticket, last in status.items() if last not in ("solved", "closed")}
    found = company.rows("select ticket_id from customer_360.fct_tickets where is_open")
    assert {ticket for (ticket,) in found} == expected
    of_customers = company.value(
        "select sum(open_ticket_count) from features.feat_customers__support"
    )
    of_nobody = company.value(
        "select count(*) from customer_360.fct_tickets where is_open and customer_id is null"
    )
    assert of_customers + of_nobody == len(expected)


def test_hours_to_the_first_response_are_those_to_the_first_public_answer_of_an_agent(
    company: Project, tickets: dict[str, Row]
) -> None:
    agents = {row["id"] for row in raw("zendesk__user") if row["role"] in ("agent", "admin")}
    first: dict[str, datetime] = {}
    for comment in raw("zendesk__ticket_comment"):
        ticket, written = tickets.get(comment["ticket_id"]), at(comment["created"])
        if ticket and comment["user_id"] in agents and comment["public"] == "true":
            first[ticket["id"]] = min(written, first.get(ticket["id"], written))
    expected = {
        ticket: (answered - at(tickets[ticket]["created_at"])).total_seconds() / 3600
        for ticket, answered in first.items()
        if answered <= AS_OF
    }
    found = {
        ticket: float(hours)
        for ticket, hours in company.rows(
            "select ticket_id, hours_to_first_response from customer_360.fct_tickets "
            "where hours_to_first_response is not null"
        )
    }
    assert found == pytest.approx(expected, abs=0.0051)


def test_age_bands_are_those_of_the_dates_of_birth(company: Project, truth: list[Row]) -> None:
    contacts = {
        row["id"]: row
        for row in raw("hubspot__contact")
        if row["_fivetran_deleted"] != "true" and at(row["property_createdate"]) <= AS_OF
    }
    bands = [(65, "65_plus"), (55, "55_64"), (45, "45_54"), (35, "35_44"), (25, "25_34")]
    bands += [(18, "18_24"), (0, "under_18")]
    expected: Counter[str] = Counter()
    for person in truth:
        own = [contacts.get(person[key]) for key in ("contact_id", "duplicate_contact_id")]
        dates = {row["property_date_of_birth"] for row in own if row} - {""}
        if person["is_test"] == "false" and dates:
            born = at(min(dates))
            age = AS_OF.year - born.year - ((AS_OF.month, AS_OF.day) < (born.month, born.day))
            expected[next(band for lowest, band in bands if age >= lowest)] += 1
    found = dict(
        company.rows(
            "select age_band, count(*) from features.feat_customers__demographic "
            "where age_band is not null group by age_band"
        )
    )
    assert found == expected


def test_every_chosen_value_says_where_it_came_from(company: Project) -> None:
    """Providers know what the CRM does not: their values are in the dimensions, named as theirs."""
    providers = {row["provider"] for row in raw("generic__enrichment")}
    found = company.rows(
        """
        select distinct attributes.provider
        from customer_360.account_attributes as attributes
        inner join customer_360.dim_accounts as accounts
            on attributes.account_id = accounts.account_id
            and attributes.value = accounts.delivery_model
        where attributes.attribute = 'delivery_model' and attributes.is_chosen
        """
    )
    assert {provider for (provider,) in found} == providers
    assert company.value(
        "select count(*) from customer_360.customer_attributes "
        "where attribute = 'income_band' and origin = 'enrichment' and is_chosen"
    ) == company.value("select count(income_band) from features.feat_customers__demographic")


LANDED = [
    "create schema raw_generic",
    """create table raw_generic.contacts as
    select * from (values
        ('1', 'a@x.example', 'acme', 'Chief of Staff', timestamp '1990-05-01', 'UK'),
        ('2', 'b@x.example', null, null, timestamp '2090-05-01', 'Atlantis'))
    as t (contact_id, email, account_id, job_title, birth_date, country)""",
    """create table raw_generic.accounts as
    select *, timestamp '2026-01-05' as loaded_at from (values
        ('acme', 'www.acme.example'), ('acme', 'www.acme.example'), (null, 'nobody.example'))
    as t (account_id, domain)
    union all values ('acme', 'before.acme.example', timestamp '2026-01-04')""",
    """create table raw_generic.consents as
    select *, timestamp '2026-01-01' as recorded_at from (values
        ('1', 'Email', 'granted'), ('1', 'fax', 'granted'), ('1', 'sms', 'maybe'),
        ('1', null, 'granted'))
    as t (contact_id, channel, status)""",
    """create table raw_generic.enrichment as
    select *, timestamp '2026-01-01' as observed_at from (values
        (null, 'acme.example', 'employee_count', 'many', 'first'),
        (null, 'acme.example', 'Employee_Count', '1200.5', 'first'),
        (null, 'acme.example', 'employee_count', ' 1200 ', 'second'),
        (null, 'acme.example', 'annual_revenue', '1.2.3', 'first'),
        (null, 'acme.example', 'annual_revenue', '2500000.50', 'second'),
        (null, 'acme.example', 'industry', 'Retail Trade', 'first'),
        ('b@x.example', null, 'birth_date', '2001-02-29', 'first'),
        ('b@x.example', null, 'birth_date', '2004-02-29', 'second'),
        ('b@x.example', null, 'birth_date', 'May', 'manual'),
        ('b@x.example', null, 'shoe_size', '43', 'first'))
    as t (email, domain, attribute, value, provider)""",
    """create table raw_generic.tickets as
    select * from (values
        ('late', 'a@x.example', timestamp '2026-01-02', timestamp '2026-01-01', null, null),
        ('rated', 'a@x.example', timestamp '2026-01-02', null, timestamp '2026-01-03', 7))
    as t (ticket_id, email, created_at, first_response_at, solved_at, csat_score)""",
    """create table raw_generic.survey_responses as
    select *, timestamp '2026-01-02' as responded_at from (values
        ('r1', 'NPS', 'a@x.example', 11.0), ('r2', 'nps', 'a@x.example', 8.5),
        ('r3', 'nps', 'a@x.example', 10.0), ('r4', 'csat', 'a@x.example', 0.0),
        ('r5', 'ces', 'a@x.example', 8.0), ('r6', 'welcome', 'a@x.example', 99.0))
    as t (response_id, kind, email, score)""",
]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """People and an account with values that cannot be right; no billing and no events."""
    project = Project(tmp_path_factory.mktemp("landed"))
    project.execute(LANDED)
    sources = dict.fromkeys(("crm", "support", "survey"), "generic")
    variables = {"demo_data": False, "as_of": "2026-02-01T00:00:00Z", "strata_sources": sources}
    done = project.dbt(
        *("build", "--vars", json.dumps(variables), "--exclude", "test_type:unit"),
        *("--indirect-selection", "cautious"),
        *("--select", "+rejected_rows", "+path:models/features", "+path:models/customer_360"),
        "+consent_current",
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return project


def test_a_value_that_cannot_be_right_is_rejected_with_its_reason(landed: Project) -> None:
    rejected = landed.rows("select entity, reason, found from operations.rejected_rows")
    whole = "employee_count is not a whole number of at most 9 digits"
    date = "birth_date is not a date such as 1980-12-31"
    scale = "the score is not a whole number from"
    assert sorted((entity, reason) for entity, reason, _ in rejected) == [
        ("accounts", "another row has its account_id"),
        ("accounts", "it has no account_id"),
        ("consents", "channel is none of email, sms, push, ads, phone"),
        ("consents", "it has no channel"),
        ("consents", "status is none of granted, denied"),
        ("contacts", "the birth date is before 1900 or after the instant"),
        ("enrichment", "annual_revenue is not a number"),
        ("enrichment", date),
        ("enrichment", date),
        ("enrichment", whole),
        ("enrichment", whole),
        ("responses", f"{scale} 0 to 10"),
        ("responses", f"{scale} 0 to 10"),
        ("responses", f"{scale} 1 to 5"),
        ("responses", f"{scale} 1 to 7"),
        ("tickets", "is answered before it is created"),
        ("tickets", "the satisfaction is not from 1 to 5"),
    ]
    assert ("accounts", "another row has its account_id", "account_id = acme") in rejected
    assert any(
        "domain = acme.example" in found and "value = many" in found for *_, found in rejected
    )


def test_the_rest_of_what_came_with_a_wrong_value_is_kept(landed: Project) -> None:
    assert landed.rows(
        "select industry, employee_count, employee_band, annual_revenue, revenue_band "
        "from features.feat_accounts__firmographic"
    ) == [("retail_trade", 1200, "1000_4999", 2500000.50, "1m_10m")]
    people = landed.rows(
        """
        select customers.primary_email, customers.country, customers.born_on, demographic.age_years,
            demographic.job_level
        from customer_360.dim_customers as customers
        left join features.feat_customers__demographic as demographic
            on customers.customer_id = demographic.customer_id
        order by 1
        """
    )
    assert [
        (email, country, str(born), age, level) for email, country, born, age, level in people
    ] == [
        ("a@x.example", "GB", "1990-05-01", 35, "executive"),
        ("b@x.example", "ATLANTIS", "2004-02-29", 21, None),
    ]
    assert landed.rows(
        "select ticket_id, hours_to_first_response, csat_score from customer_360.fct_tickets "
        "order by 1"
    ) == [("late", None, None), ("rated", None, None)]
    assert landed.rows("select account_id, domain from staging.stg_crm__accounts") == [
        ("acme", "www.acme.example")
    ]
    assert landed.rows("select channel, status from staging.stg_crm__consents") == [
        ("email", "granted")
    ]
    assert landed.rows(
        "select nps_score, csat_last, ces_last from features.feat_customers__survey"
    ) == [(10, None, None)]


def test_a_domain_that_is_switched_off_leaves_nothing_and_breaks_nothing(landed: Project) -> None:
    assert landed.rows(
        "select contact_count, user_count, active_users_last_28, days_since_last_seen "
        "from features.feat_accounts__people"
    ) == [(1, 0, 0, None)]
    assert landed.rows(
        "select distinct support_tier from features.feat_customers__support_routing"
    ) == [("community",)]
