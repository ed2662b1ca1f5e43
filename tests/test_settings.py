"""What the admin reads when a setting is wrong: its name, what was given, what is allowed."""

import os
from pathlib import Path

import pytest

from ivr.errors import SettingsError
from ivr.settings import load_settings

GOOD = """
[web]
token = "a token of these tests"
[privacy]
caller_key = "a key of these tests"
[sites.main]
zone = "Asia/Taipei"
[sites.main.ami]
secret = "s3cret of the tests"
"""


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("POSTCALL_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    path = folder / "postcall.toml"
    path.write_text(text, "utf-8")
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_what_is_not_given_has_its_default(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.web.port == 8080
    assert settings.sites["main"].trigger == "ami"
    assert settings.sites["main"].zone_info.key == "Asia/Taipei"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            ("[web]", "[web]\nprot = 1"),
            "web.prot: unknown setting; did you mean port? allowed here are host, port, token, token_file, proxies",
        ),
        (("[web]", "[web]\nport = 99999"), "web.port: got 99999; input should be less than or equal to 65535"),
        (
            ("[web]", '[fastagi]\nreplicas = ["10.0.0.7:4573", "10.0.0.8"]\n[web]'),
            "fastagi.replicas.2: got '10.0.0.8'; should be host:port, such as 10.0.0.7:4573",
        ),
        (
            ("[web]", '[fastagi]\nreplicas = ["b:1", "a:2", "b:1"]\n[web]'),
            "fastagi.replicas: got ['b:1', 'a:2', 'b:1']; should name each replica once: b:1",
        ),
        (
            ("Asia/Taipei", "Asia/Tapei"),
            (
                "sites.main.zone: got 'Asia/Tapei'; should be an IANA time zone such as Europe/Madrid, "
                "did you mean Asia/Taipei?"
            ),
        ),
        (
            ('zone = "Asia/Taipei"', 'trigger = "redirect"'),
            "sites.main.trigger: got 'redirect'; input should be 'ami' or 'dialplan'",
        ),
        (('secret = "s3cret of the tests"', ""), "sites.main.ami: secret or secret_file is needed"),
        (("[sites.main.ami]", '[sites.main.ami]\nca_file = "x"'), "sites.main.ami: ca_file is given, but tls is false"),
        (
            ("[sites.main.ami]", '[sites.main.ami]\nsecret_file = "x"'),
            "sites.main.ami: secret and secret_file are both given; give one",
        ),
        (
            ('zone = "Asia/Taipei"', 'language = "english"'),
            "sites.main.language: got 'english'; should be a language in two small letters, such as en",
        ),
        (
            ('zone = "Asia/Taipei"', 'survey_goto = "postcall-survey"'),
            (
                "sites.main.survey_goto: got 'postcall-survey'; "
                "should be context,extension,priority, such as postcall-survey,s,1"
            ),
        ),
        (
            ('zone = "Asia/Taipei"', 'flow = "Csat"'),
            (
                "sites.main.flow: got 'Csat'; "
                "should be a small letter, then small letters, digits and -, at most 32 in all"
            ),
        ),
        (
            ('zone = "Asia/Taipei"', 'queue_reasons = { support = "Tech Stuff" }'),
            (
                "sites.main.queue_reasons.support: got 'Tech Stuff'; "
                "should be a code such as billing or billing/refund: small letters, digits, _ and -"
            ),
        ),
        (
            ("[web]", '[rules]\nquarantine = "no more than 1 in 30 days where caller is the same"\n[web]'),
            (
                "rules.quarantine: got 'no more than 1 in 30 days where caller is the same'; "
                'should be a list such as ["a", "b"]'
            ),
        ),
        (("[web]", '[rules]\nminimum_talk = "20s"\n[web]'), "rules.minimum_talk: got '20s'; should be a whole number"),
        (
            ("[web]", '[rules]\nwithout_agent = "maybe"\n[web]'),
            "rules.without_agent: got 'maybe'; should be true or false",
        ),
        (
            ("[web]", "[log]\nlevel = 7\n[web]"),
            "log.level: got 7; input should be 'debug', 'info', 'warning' or 'error'",
        ),
        (
            ("[web]", "[wbe]\nx = 1\n[web]"),
            (
                "wbe: unknown setting; did you mean web? "
                "allowed here are database, web, fastagi, privacy, flows, prompts, log, rules, sites"
            ),
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, change: tuple[str, str], line: str) -> None:
    assert refused(write(tmp_path, GOOD.replace(*change))) == [line]


RULES = """
[sites.main.teams]
gold = ["PJSIP/1001"]
silver = ["PJSIP/1002"]
[[sites.main.flows]]
flow = "nps"
queue = "sales"
[[sites.main.flows]]
flow = "csat"
{rule}
"""


def test_the_rules_are_read_with_one_value_or_several(tmp_path: Path) -> None:
    text = GOOD + RULES.format(rule='reason = ["billing", "sales/new"]\nhours = "sat-sun 22:00-06:00"')
    site = load_settings(write(tmp_path, text)).sites["main"]
    assert site.flows[0].queue == ("sales",)
    assert site.flows[1].reason == ("billing", "sales/new")
    assert site.teams == {"gold": ("PJSIP/1001",), "silver": ("PJSIP/1002",)}


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (
            'quueue = "x"',
            (
                "sites.main.flows.2.quueue: unknown setting; did you mean queue? "
                "allowed here are flow, queue, team, reason, language, hours"
            ),
        ),
        (
            'hours = "08:00-18:00"',
            (
                "sites.main.flows.2.hours.1: got '08:00-18:00'; should read like mon-fri 09:00-18:00 or sat,sun "
                "22:00-02:00, with times from 00:00 to 24:00"
            ),
        ),
        (
            'hours = ["mon 08:00-18:00", "monday 08:00-18:00"]',
            (
                "sites.main.flows.2.hours.2: got 'monday 08:00-18:00'; 'monday' is no day; allowed are mon, tue, wed, "
                "thu, fri, sat, sun; should read like mon-fri 09:00-18:00 or sat,sun 22:00-02:00, with times "
                "from 00:00 to 24:00"
            ),
        ),
        (
            'days = "mon-fri"',
            ("sites.main.flows.2.days: unknown setting; allowed here are flow, queue, team, reason, language, hours"),
        ),
        ("queue = []", "sites.main.flows.2.queue: got []; should be a value or a list of at least one"),
        ('queue = ["a", 7]', "sites.main.flows.2.queue.2: got 7; should be text, in quotes"),
        (
            "",
            (
                "sites.main.flows.2: has no condition; give one of queue, team, reason, language, hours, "
                "or set the site's own flow instead"
            ),
        ),
        ('team = "bronze"', "sites.main: flows: rule 2: there is no team bronze; there are gold, silver"),
        (
            'queue = "sales"\nhours = "mon-fri 08:00-18:00"',
            "sites.main: flows: rule 2 can never match, for rule 1 matches all its calls; put it first",
        ),
    ],
)
def test_a_wrong_rule_is_told_with_its_place_in_the_list(tmp_path: Path, rule: str, line: str) -> None:
    assert refused(write(tmp_path, GOOD + RULES.format(rule=rule))) == [line]


def test_an_agent_has_one_team(tmp_path: Path) -> None:
    text = GOOD + RULES.format(rule='language = "zh"').replace("PJSIP/1002", "PJSIP/1001")
    assert refused(write(tmp_path, text)) == [
        "sites.main: teams: PJSIP/1001 is in gold and in silver; an agent has one team"
    ]


def test_the_teams_stand_in_the_list_of_agents_or_in_the_settings_and_not_in_both(tmp_path: Path) -> None:
    text = GOOD.replace("[sites.main.ami]", 'agents_file = "agents.csv"\n[sites.main.ami]')
    assert refused(write(tmp_path, text + RULES.format(rule='language = "zh"'))) == [
        "sites.main: teams and agents_file are both given; with a list of agents its column team says the teams"
    ]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    lines = refused(write(tmp_path, "[web]\nport = -1\ntoken = 'a token of these tests'\n"))
    assert [line.split(":")[0] for line in lines] == ["web.port", "privacy", "sites"]


def test_a_short_token_is_refused_and_not_shown(tmp_path: Path) -> None:
    lines = refused(write(tmp_path, GOOD.replace("a token of these tests", "tooshort")))
    assert lines == ["web.token: should have at least 16 characters, not 8"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://postcall:hunter2@127.0.0.1/postcall", "the database URL begins with 'mysql': "),
        ("sqlite://postcall.db?hunter2", "the database URL names no database: "),
        ("hunter2.db", "the database URL cannot be read: "),
    ],
)
def test_a_wrong_database_url_is_named_and_not_shown(tmp_path: Path, url: str, why: str) -> None:
    (line,) = refused(write(tmp_path, f'[database]\nurl = "{url}"\n{GOOD}'))
    assert line == f"database.url: {why}allowed are sqlite:///file.db and postgresql://user:password@host:port/name"


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert "of these tests" not in repr(load_settings(path))
    assert "s3cret" not in repr(load_settings(path))
    broken = GOOD.replace("[web]", "[web]\nprot = 1").replace('zone = "Asia/Taipei"', "zone = 5")
    assert not any("of the" in line for line in refused(write(tmp_path, broken)))


def test_a_secret_may_stand_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ami.secret").write_text("from the file\n")
    path = write(tmp_path, GOOD.replace('secret = "s3cret of the tests"', 'secret_file = "ami.secret"'))
    assert load_settings(path).sites["main"].ami.secret.get_secret_value() == "from the file"


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read: No such file or directory"), ("\n", "is empty")])
def test_a_secret_file_that_does_not_serve_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    if content is not None:
        (tmp_path / "ami.secret").write_text(content)
    path = write(tmp_path, GOOD.replace('secret = "s3cret of the tests"', 'secret_file = "ami.secret"'))
    assert refused(path) == [f"sites.main.ami: secret_file {tmp_path / 'ami.secret'} {why}"]


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTCALL_WEB__PORT", "8081")
    monkeypatch.setenv("POSTCALL_SITES__MAIN__AMI__SECRET", "from the environment")
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.web.port == 8081
    assert settings.sites["main"].ami.secret.get_secret_value() == "from the environment"


def test_a_wrong_value_in_the_environment_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTCALL_WEB__PORT", "many")
    assert refused(write(tmp_path, GOOD)) == [
        ("web.port (from the environment, POSTCALL_WEB__PORT): got 'many'; should be a whole number")
    ]


def test_a_wrong_secret_in_the_environment_is_named_as_such_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTCALL_WEB__TOKEN", "hunter2")
    assert refused(write(tmp_path, GOOD)) == [
        "web.token (from the environment, POSTCALL_WEB__TOKEN): should have at least 16 characters, not 7"
    ]


def test_an_unknown_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTCALL_WBE__PORT", "1")
    assert refused(write(tmp_path, GOOD))[0].startswith("environment: POSTCALL_WBE__PORT: unknown setting; allowed are")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"[web\n", "not TOML: "), (b"\xff\xfe", "not UTF-8 text"), (None, "no such file; `postcall init` writes one")],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "postcall.toml"
    if content is not None:
        path.write_bytes(content)
    assert refused(path)[0].startswith(why)
