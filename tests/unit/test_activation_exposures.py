"""How syncs are read from dbt's manifest, and what a wrong one is told."""

from typing import Any

import pytest

from orchestration.activation.exposures import MappedField, load_syncs
from orchestration.destinations.registry import DESTINATIONS
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.errors import UsageError

WEBHOOK = {
    "destination": "webhook",
    "mode": "mirror",
    "settings": {"url": "env:CHAMPIONS_URL", "secret_env": "CHAMPIONS_SECRET"},
}
FILE = {
    "destination": "file",
    "mode": "mirror",
    "settings": {"path": "deliveries/champions.csv", "format": "csv"},
}
SALESFORCE = {
    "instance_url": "https://acme.my.salesforce.com",
    "object": "Contact",
    "consumer_key_env": "KEY",
    "consumer_secret_env": "SECRET",
}
AUDIENCE_META = {"segment_id": "champions", "channel": "email", "identifier": "email"}
AUDIENCE = "model.strata.audience_champions"


def exposure(name: str = "sync_champions", meta: Any = WEBHOOK, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "owner": {"name": "Growth", "email": "growth@example.com"},
        "depends_on": {"nodes": [AUDIENCE]},
        "config": {"meta": meta},
        **changes,
    }


def manifest(*exposures: dict[str, Any]) -> dict[str, Any]:
    models = ("audience_champions", "audience_at_risk", "segment_membership")
    return {
        "nodes": {
            f"model.strata.{name}": {
                "name": name,
                "schema": "activation",
                "alias": name,
                "columns": {"entity_key": {"data_type": "string"}},
                "config": {"meta": {"audience": AUDIENCE_META}},
            }
            for name in models
        },
        "exposures": {f"exposure.strata.{item['name']}": item for item in exposures},
    }


def refusal(*exposures: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as refused:
        load_syncs(manifest(*exposures))
    return str(refused.value)


def test_a_sync_is_read() -> None:
    (sync,) = load_syncs(manifest(exposure()))
    assert (sync.name, sync.destination, sync.mode) == ("sync_champions", "webhook", "mirror")
    assert (sync.owner_name, sync.owner_email) == ("Growth", "growth@example.com")
    assert (sync.audience, sync.audience_node) == ("activation.audience_champions", AUDIENCE)
    assert (sync.batch_size, sync.max_removal_share, sync.max_attempts) == (500, 0.5, 8)
    assert isinstance(sync.settings, WebhookSettings)
    assert sync.settings.secret_env == "CHAMPIONS_SECRET"


def test_what_the_audience_promises_is_read_and_must_be_there() -> None:
    project = manifest(exposure())
    (sync,) = load_syncs(project)
    assert sync.terms is not None
    assert (sync.terms.segment_id, sync.terms.channel) == ("champions", "email")
    assert sync.terms.columns == {"entity_key": "string"}
    project["nodes"][AUDIENCE]["config"] = {}
    with pytest.raises(UsageError, match="audience_champions is not made with the macro"):
        load_syncs(project)


def test_limits_are_read() -> None:
    given = {
        "limits": {"batch_size": 100, "max_attempts": 3},
        "guards": {"max_removal_share": 0.1, "max_change_share": 2.0},
    }
    (sync,) = load_syncs(manifest(exposure(meta={**WEBHOOK, **given})))
    assert (sync.batch_size, sync.max_removal_share, sync.max_attempts) == (100, 0.1, 3)
    assert sync.max_change_share == 2.0


def test_the_rest_of_a_sync_is_read() -> None:
    given = {
        "mode": "upsert",
        "identifier": "entity_key",
        "mapping": {"key": "entity_key", "id": {"column": "entity_key", "nulls": "overwrite"}},
        "schedule": "30 6 * * 1-5",
        "shared_list": True,
    }
    (sync,) = load_syncs(manifest(exposure(meta={**WEBHOOK, **given})))
    assert (sync.mode, sync.identifier, sync.schedule) == ("upsert", "entity_key", "30 6 * * 1-5")
    assert sync.mapping == (
        MappedField("key", "entity_key"),
        MappedField("id", "entity_key", is_null_sent=True),
    )
    assert sync.shared_list


def test_meta_beside_config_is_read_too() -> None:
    (sync,) = load_syncs(manifest({**exposure(), "meta": FILE, "config": {}}))
    assert sync.destination == "file"


def test_syncs_come_in_order_and_dashboards_are_left_alone() -> None:
    dashboard = exposure("weekly_board", meta={"tool": "metabase"})
    found = load_syncs(manifest(exposure("sync_b"), dashboard, exposure("sync_a", meta=FILE)))
    assert [sync.name for sync in found] == ["sync_a", "sync_b"]


def test_a_project_without_syncs() -> None:
    assert load_syncs({"nodes": {}, "exposures": {}}) == []


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (
            {**WEBHOOK, "destination": "fax"},
            "exposure sync_champions: unknown destination 'fax'; accepted: "
            + ", ".join(DESTINATIONS),
        ),
        (
            {"mode": "mirror", "settings": {}},
            "exposure sync_champions: missing key `destination`; accepted: destination, mode,",
        ),
        (
            {**WEBHOOK, "mode": "merge"},
            "`mode` is 'merge'; accepted: 'mirror', 'upsert', 'insert' or 'archive'",
        ),
        (
            {**FILE, "mode": "upsert"},
            "`mode` is 'upsert'; the destination file can: mirror",
        ),
        (
            {**WEBHOOK, "batch_size": 5},
            "unknown key `batch_size`; accepted: destination, mode, settings, identifier,",
        ),
        (
            {**WEBHOOK, "limits": {"batchsize": 5}},
            "unknown key `limits.batchsize`; accepted: batch_size, max_attempts",
        ),
        (
            {**WEBHOOK, "limits": {"batch_size": 0}},
            "`limits.batch_size` is 0; accepted: input should be greater than or equal to 1",
        ),
        (
            {**WEBHOOK, "limits": {"batch_size": "many"}},
            "`limits.batch_size` is 'many'; accepted: input should be",
        ),
        (
            {**WEBHOOK, "guards": {"max_removal_share": 50}},
            "`guards.max_removal_share` is 50; accepted:",
        ),
        (
            {**WEBHOOK, "schedule": "hourly"},
            "`schedule` is 'hourly'; accepted: on_publish, or a cron expression of five parts",
        ),
        (
            {**WEBHOOK, "schedule": "0 61 * * *"},
            "`schedule` is '0 61 * * *'; accepted: on_publish, or a cron expression of five parts",
        ),
        (
            {**WEBHOOK, "identifier": "e_mail"},
            "`identifier` is 'e_mail'; columns of the audience: entity_key",
        ),
        (
            {**WEBHOOK, "mapping": {"mail": {"column": "e_mail"}}},
            "`mapping.mail` names the column 'e_mail'; columns of the audience: entity_key",
        ),
        ({**WEBHOOK, "mapping": {}}, "`mapping` is {}; accepted: "),
        ({**WEBHOOK, "settings": "none"}, "`settings` is 'none'; accepted: input should be"),
        (
            {**WEBHOOK, "settings": {"url": "https://example.com"}},
            "missing key `settings.secret_env`; accepted: url, secret_env, ",
        ),
        (
            {**FILE, "settings": {"path": "x.csv", "format": "xlsx"}},
            "`settings.format` is 'xlsx'; accepted: 'csv' or 'parquet'",
        ),
        (
            {**WEBHOOK, "settings": {**WEBHOOK["settings"], "url": "ftp://example.com"}},  # type: ignore[dict-item]
            "`settings.url` is 'ftp://example.com'; accepted: an http:// or https:// address",
        ),
        (
            {"destination": "klaviyo", "mode": "mirror", "settings": {"api_key_env": "KEY"}},
            "`settings`: the mode mirror needs `list_id`, off which it takes who leaves",
        ),
        (
            {"destination": "hubspot", "mode": "mirror", "settings": {"token_env": "TOKEN"}},
            "`settings`: the mode mirror needs `list_id`, off which it takes who leaves",
        ),
        (
            {"destination": "intercom", "mode": "upsert", "settings": {"token_env": "TOKEN"}},
            "`settings`: the mode upsert needs `tag`, the name or the id",
        ),
        (
            {"destination": "salesforce", "mode": "mirror", "settings": SALESFORCE},
            "`settings`: the mode mirror needs `campaign_id` or `on_leave`",
        ),
    ],
)
def test_a_wrong_meta_is_explained(meta: dict[str, Any], message: str) -> None:
    assert message in refusal(exposure(meta=meta))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "depends on 0 audience models (none); accepted: exactly one"),
        (["model.strata.segment_membership"], "depends on 0 audience models (none)"),
        (
            [AUDIENCE, "model.strata.audience_at_risk"],
            "depends on 2 audience models (audience_champions, audience_at_risk)",
        ),
    ],
)
def test_a_sync_has_exactly_one_audience(nodes: list[str], message: str) -> None:
    assert message in refusal(exposure(depends_on={"nodes": nodes}))


def test_two_syncs_do_not_write_one_file() -> None:
    assert refusal(exposure("sync_a", meta=FILE), exposure("sync_b", meta=FILE)) == (
        "exposure sync_b: sync_a writes deliveries/champions.csv too, and each would replace what "
        "the other wrote; accepted: a place of its own for each sync"
    )


def test_a_sync_has_an_owner() -> None:
    assert "missing key `owner.email`" in refusal(exposure(owner={"name": "Growth"}))


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    settings = {"url": "https://example.com", "secret_env": "S", "secret": "whsec_hush"}
    message = refusal(exposure(meta={**WEBHOOK, "settings": settings}))
    assert "unknown key `settings.secret`" in message
    assert "hush" not in message


def test_every_problem_is_told_at_once() -> None:
    lines = refusal(
        exposure("sync_a", meta={**WEBHOOK, "mode": "merge"}),
        exposure("sync_b", meta={**FILE, "settings": {}}),
    ).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "exposure sync_a",
        "exposure sync_b",
        "exposure sync_b",
    ]
