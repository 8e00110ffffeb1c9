"""Does with the client that openapi-python-client generates what programs do with Signalbox."""
import os

from signalbox_client import AuthenticatedClient
from signalbox_client import models as m
from signalbox_client.api.configurations import (
    create_configuration, list_configuration_history, list_configurations, read_configuration,
    roll_back_configuration, update_configuration,
)
from signalbox_client.api.flags import (
    create_flag, evaluate_flag, explain_flag, list_flag_history, read_flag, roll_back_flag, update_flag,
)
from signalbox_client.api.registry import discover, register_service, renew_lease, renew_leases

client = AuthenticatedClient(base_url=os.environ["SIGNALBOX_URL"], token=os.environ["SIGNALBOX_KEY"], prefix="ApiKey")


def refused(response, status, code):
    problem = response.parsed
    assert isinstance(problem, m.Problem) and response.status_code == problem.status == status, response
    assert problem.code == code and problem.type_ == f"urn:signalbox:problem:{code}" and problem.request_id, problem


def configurations():
    draft = m.ConfigurationCreate(key="database.url", value="one", environment="production", service_name="python")
    created = create_configuration.sync_detailed(client=client, body=draft)
    made = created.parsed
    assert isinstance(made, m.Configuration) and (created.status_code, made.version) == (201, 1), created
    assert created.headers["ETag"] == '"1"' and created.headers["Location"], created

    where = {"environment": "production", "service_name": "python"}
    found = read_configuration.sync_detailed("database.url", client=client, **where)
    assert isinstance(found.parsed, m.Configuration) and found.parsed.value == "one", found
    tag = found.headers["ETag"]
    assert tag == '"1"', tag

    changed = update_configuration.sync(made.id, client=client, body=m.ConfigurationUpdate(value="two"), if_match=tag)
    assert isinstance(changed, m.Configuration) and changed.version == 2, changed
    draft = m.ConfigurationUpdate(value="three")
    refused(update_configuration.sync_detailed(made.id, client=client, body=draft, if_match=tag), 412, "stale_version")

    history = list_configuration_history.sync(made.id, client=client, cursor="")
    assert isinstance(history, m.ConfigurationHistory) and history.total == 2, history
    assert [entry.new_value for entry in history.history] == ["two", "one"], history
    back = roll_back_configuration.sync(made.id, client=client, body=m.RollBack(version=1))
    assert isinstance(back, m.Configuration) and (back.version, back.value) == (3, "one"), back

    listed = list_configurations.sync(client=client, service_name="python")
    assert isinstance(listed, m.ConfigurationList) and len(listed.configurations) == 1, listed
    refused(read_configuration.sync_detailed("nothing", client=client, **where), 404, "configuration_not_found")


def flags():
    kinds = {
        "boolean": (True, False), "string": ("a", "b"), "integer": (1, 2), "float": (2.0, 1.5), "object": ({"a": 1}, {}),
    }
    for kind, (on, off) in kinds.items():
        variants = m.FlagCreateVariantsType0.from_dict({"on": on, "off": off})
        draft = m.FlagCreate(
            name=f"python-{kind}", environment="production", type_=m.FlagCreateTypeType0(kind), is_enabled=True,
            variants=variants, default=m.FlagServing(variant="on"),
        )
        made = create_flag.sync(client=client, body=draft)
        assert isinstance(made, m.Flag) and made.is_enabled and made.version == 1, made
        request = m.FlagEvaluate(
            flag_name=made.name, environment="production", user_id="u1",
            context=m.FlagEvaluateContextType0.from_dict({"plan": "gold"}),
        )
        decision = evaluate_flag.sync(client=client, body=request)
        assert isinstance(decision, m.FlagEvaluation) and decision.enabled and decision.variant == "on", decision
        assert decision.value == on and type(decision.value) is type(on), decision
    found = read_flag.sync_detailed("python-boolean", client=client, environment="production")
    flag, tag = found.parsed, found.headers["ETag"]
    assert isinstance(flag, m.Flag) and tag == '"1"', found
    changed = update_flag.sync(flag.id, client=client, body=m.FlagChange(target_users=["u2"]), if_match=tag)
    assert isinstance(changed, m.Flag) and changed.version == 2 and changed.target_users == ["u2"], changed
    stale = update_flag.sync_detailed(flag.id, client=client, body=m.FlagChange(target_users=["u3"]), if_match=tag)
    refused(stale, 412, "stale_version")
    history = list_flag_history.sync(flag.id, client=client)
    assert isinstance(history, m.FlagHistory) and history.total == 2, history
    assert [entry.new.target_users for entry in history.history] == [["u2"], []], history
    back = roll_back_flag.sync(flag.id, client=client, body=m.RollBack(version=1))
    assert isinstance(back, m.Flag) and (back.version, back.target_users) == (3, []), back
    refused(read_flag.sync_detailed("nothing", client=client, environment="production"), 404, "flag_not_found")
    ahead = read_flag.sync_detailed(flag.name, client=client, environment="production", min_version=9)
    refused(ahead, 412, "stale_version")
    why = explain_flag.sync(
        client=client, body=m.FlagExplain(flag_name=flag.name, environment="production", user_id="u1"),
    )
    assert isinstance(why, m.FlagExplanation) and why.decision.enabled and why.steps, why
    last = why.steps[-1]
    assert (last.step, last.held, last.variant) == ("serve", True, "on"), why


def services():
    made = register_service.sync(client=client, body=m.ServiceRegister(
        service_name="python", instance_id="a", service_url="http://127.0.0.1:1", ttl_seconds=30,
    ))
    assert isinstance(made, m.ServiceRegistered) and made.lease_epoch == 1, made
    beat = renew_lease.sync("python", "a", client=client, body=m.ServiceHeartbeat(lease_epoch=1))
    assert isinstance(beat, m.ServiceBeat) and beat.expires_in_ms == 30_000, beat
    batch = renew_leases.sync(client=client, body=m.ServiceHeartbeats(heartbeats=[
        m.ServiceListedHeartbeat(service_name="python", instance_id=id, lease_epoch=1) for id in ("a", "b")
    ]))
    assert isinstance(batch, m.ServiceBeats) and [result.status for result in batch.results] == [200, 404], batch
    discovered = discover.sync_detailed("python", client=client, ready=True)
    assert discovered.status_code == 200 and discovered.headers["ETag"], discovered
    assert isinstance(discovered.parsed, list), discovered
    assert [(instance.instance_id, instance.observed) for instance in discovered.parsed] == [("a", "passing")], discovered


configurations()
flags()
services()
print("python: ok")
