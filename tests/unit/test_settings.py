"""Settings: where each value comes from, what is refused, what is masked, and what is checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.settings import SECRET_FIELDS, Settings, load, loaded
from api.settings_check import findings, otlp_headers, shown
from ledger.errors import Malformed
from tests.shell import Shell

SECRET = "s3cr3t-0f-somebody"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refused(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(Malformed) as raised:
        load(path, environ)
    return str(raised.value)


def test_defaults_then_the_file_then_the_environment(tmp_path):
    file = written(tmp_path / "ledger.toml", 'port = 8090\nhost = "0.0.0.0"\n')

    read = loaded(file, {"LEDGER_PORT": "8091", "LEDGER_TRACE_SAMPLE_RATIO": "0.25"})

    assert (read.settings.port, read.settings.host) == (8091, "0.0.0.0")
    assert (read.settings.trace_sample_ratio, read.settings.drain_seconds) == (0.25, 5)
    assert read.origins == {
        "host": str(file),
        "port": "LEDGER_PORT",
        "trace_sample_ratio": "LEDGER_TRACE_SAMPLE_RATIO",
    }


def test_the_file_is_the_one_that_is_named_in_the_environment_unless_in_the_call(tmp_path):
    one, two = (written(tmp_path / name, f"port = {n}") for n, name in enumerate("ab", 8001))

    assert load(None, {"LEDGER_CONFIG": str(one)}).port == 8001
    assert load(two, {"LEDGER_CONFIG": str(one)}).port == 8002


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS))
def test_a_secret_can_come_from_a_file_of_its_own(tmp_path, name):
    file = written(tmp_path / "secret", f" {SECRET}\n")
    variable = f"LEDGER_{name.upper()}"

    read = loaded(None, {f"{variable}_FILE": str(file)})

    assert getattr(read.settings, name) == SECRET
    assert read.origins == {name: f"{variable}_FILE"}
    both = refused({variable: "x", f"{variable}_FILE": str(file)})
    assert both.startswith(f"{variable}_FILE: is set as well as {variable}")
    assert refused({f"{variable}_FILE": str(tmp_path / "no")}).startswith(f"{variable}_FILE: ")


def test_what_is_no_setting_is_refused_with_its_name_and_place(tmp_path):
    assert refused({"LEDGER_PRT": "1"}).startswith("LEDGER_PRT: ")
    assert refused({"LEDGER_PORT_FILE": "x"}).startswith("LEDGER_PORT_FILE: ")
    assert "prt" in refused({}, written(tmp_path / "a", "prt = 1"))
    assert refused({}, written(tmp_path / "b", "port =")).endswith("is not TOML")
    assert "cannot be read" in refused({}, tmp_path / "none")


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("LEDGER_PORT", "eighty", "port"),
        ("LEDGER_PORT", "65536", "port"),
        ("LEDGER_METRICS_PORT", "-1", "metrics_port"),
        ("LEDGER_TRACE_SAMPLE_RATIO", "1.01", "trace_sample_ratio"),
        ("LEDGER_TRACE_SAMPLE_RATIO", "nan", "trace_sample_ratio"),
        ("LEDGER_DRAIN_SECONDS", "-1", "drain_seconds"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_its_name_and_place(
    tmp_path, variable, value, name
):
    assert refused({variable: value}).startswith(f"{variable}: {name}: ")
    file = written(tmp_path / "ledger.toml", f'{name} = "{value}"')
    assert refused({}, file).startswith(f"{file}: {name}: ")


# Shown.


def test_every_secret_is_masked_wherever_it_stands():
    url = f"https://ana:{SECRET}@collector.example:4318/x?key={SECRET}"
    values = dict.fromkeys(SECRET_FIELDS, SECRET) | {"otlp_endpoint": url}

    told = shown(Settings(**values))  # type: ignore[arg-type]

    assert SECRET not in json.dumps(told)
    assert "ana" not in json.dumps(told)
    assert told["otlp_endpoint"] == "https://********@collector.example:4318/x?********"
    assert {told[name] for name in SECRET_FIELDS} == {"********"}


def test_what_is_no_secret_is_shown_as_it_is_and_nothing_as_nothing():
    told = shown(Settings(otlp_endpoint="http://[::1:4318", origin="ledger.bolton.gov.uk/1"))

    assert told["otlp_endpoint"] == "http://[::1:4318"
    assert told["origin"] == "ledger.bolton.gov.uk/1"
    assert (told["database_url"], told["port"]) == (None, 8080)
    assert told.keys() == set(Settings.__struct_fields__)


# Checked.


def problems(**values: Any) -> dict[str, str]:
    return {one.setting: one.problem for one in findings(Settings(**values))}


def test_settings_as_they_come_have_nothing_wrong_with_them(tmp_path):
    assert problems() == {}
    good = {
        "database_url": "postgresql://ledger:x@db.example/ledger?sslmode=verify-full",
        "keys_url": "host=db.example dbname=keys",
        "kek_file": str(written(tmp_path / "kek", "x")),
        "token_key_file": str(tmp_path / "made-later.json"),
        "data_dir": str(tmp_path / "new"),
        "otlp_endpoint": "https://collector.example/otlp",
        "otlp_headers": "authorization=Bearer x",
    }
    assert problems(**good) == {}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("database_url", f"postgres {SECRET}", "neither"),
        ("keys_url", f"mysql://{SECRET}/x", "neither"),
        ("kek_file", "{}/none/kek", "a folder that does not exist"),
        ("token_key_file", "{}", "cannot be read"),
        ("jwks_file", "{}/none.json", "cannot be read"),
        ("authzen_words_file", "{}/none.toml", "cannot be read"),
        ("witness_policy_file", "{}/none.txt", "cannot be read"),
        ("witness_policy_file", "{}/file", "line 1 of the policy"),
        ("tsa_chain_file", "{}/none.pem", "cannot be read"),
        ("data_dir", "{}/file", "not a folder"),
        ("otlp_endpoint", f"collector:4318?{SECRET}", "not an http"),
        ("otlp_endpoint", "http://collector:port", "not an http"),
        ("otlp_endpoint", f"https://ana:{SECRET}@collector.example", "otlp_headers"),
        ("otlp_endpoint", f"https://collector.example?key={SECRET}", "otlp_headers"),
        ("otlp_headers", SECRET, "name=value"),
    ],
)
def test_what_cannot_work_is_said_without_its_value(tmp_path, name, value, said):
    written(tmp_path / "file", "x")

    found = problems(**{name: value.format(tmp_path)})

    assert set(found) == {name}
    assert said in found[name]
    assert SECRET not in found[name]


def test_an_authority_needs_an_address_and_the_certificates_to_verify_it_with(tmp_path):
    chain = str(written(tmp_path / "chain.pem", "x"))

    assert problems(tsa_url="http://tsa.example", tsa_chain_file=chain) == {}
    assert set(problems(tsa_url="http://tsa.example")) == {"tsa_chain_file"}
    found = problems(tsa_url=f"https://tsa.example?{SECRET}", tsa_chain_file=chain)
    assert found == {"tsa_url": "must hold neither credentials nor a query"}


def test_the_headers_of_a_collector_are_pairs():
    assert otlp_headers(None) == otlp_headers(" , ") == {}
    assert otlp_headers("A=1, b = x=y ,") == {"a": "1", "b": "x=y"}
    with pytest.raises(Malformed, match="otlp_headers: "):
        otlp_headers("=1")


# The command.


def test_the_bare_command_shows_what_show_shows():
    shell = Shell(LEDGER_DATABASE_URL=f"postgresql://ana:{SECRET}@db/x", LEDGER_PORT="8090")

    bare, show = shell.run("config"), shell.run("config", "show")
    assert bare == show
    assert (bare.code, bare.err) == (0, "")
    assert 'database_url = "********"' in bare.out.splitlines()
    assert "port = 8090" in bare.out.splitlines()
    (told,) = shell.run("config", "--json").json()
    assert shell.run("config", "show", "--json").json() == [told]
    assert told["port"] == 8090


def test_check_says_where_each_value_comes_from_and_what_is_wrong(tmp_path):
    file = written(tmp_path / "ledger.toml", f'otlp_endpoint = "x?{SECRET}"\n')

    fine = Shell(LEDGER_PORT="8090").run("config", "check")
    assert fine.code == 0
    assert "port = 8090  (LEDGER_PORT)" in fine.out.splitlines()
    assert 'host = "127.0.0.1"  (default)' in fine.out.splitlines()
    assert fine.out.splitlines()[-1] == "Nothing is wrong with these."

    ran = Shell(LEDGER_CONFIG=str(file), LEDGER_OTLP_HEADERS=SECRET).run("config", "check")
    assert ran.code == 1
    assert ran.out.splitlines()[-2].startswith("otlp_endpoint: is not an http:// ")
    assert ran.out.splitlines()[-1].startswith("otlp_headers: must be name=value ")
    assert f"({file})" in ran.out

    (told,) = Shell(LEDGER_OTLP_HEADERS=SECRET).run("config", "check", "--json").json()
    assert told["origins"] == {"otlp_headers": "LEDGER_OTLP_HEADERS"}
    assert [one["setting"] for one in told["findings"]] == ["otlp_headers"]
    assert SECRET not in json.dumps(told)


def test_a_production_database_without_an_issuer_is_found_before_anything_starts():
    ran = Shell(LEDGER_DATABASE_URL=f"postgresql://{SECRET}@db/x").run("config", "check")

    assert ran.code == 1
    assert ran.out.splitlines()[-1].startswith("database_url: is set, and the local issuer ")
    assert SECRET not in ran.out


def test_the_options_go_behind_the_word_and_a_schema_names_every_setting():
    wrong = Shell().run("config", "--json", "check")
    assert (wrong.code, "Put the options after" in wrong.err) == (2, True)
    (schema,) = Shell().run("config", "schema").json()
    assert schema["$defs"]["Settings"]["properties"].keys() == set(Settings.__struct_fields__)
