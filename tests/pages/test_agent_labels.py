"""What agents are called in pictures: no two alike."""

from ivr.web.pages.agent_labels import agent_labels


def test_a_name_stands_alone_until_two_have_it() -> None:
    agents = [
        ("PJSIP/1", "Dora", "north"),
        ("PJSIP/2", "Dora", "south"),
        ("PJSIP/3", "Bo", "north"),
        ("PJSIP/4", "", "north"),
        ("PJSIP/5", "", "south"),
        ("PJSIP/6", "Chen", "south"),
        ("PJSIP/7", "Chen", "south"),
        ("PJSIP/8", "Emil", "south"),
        ("PJSIP/9", "Emil", ""),
    ]
    assert agent_labels(agents) == {
        "PJSIP/1": "Dora (north)",
        "PJSIP/2": "Dora (south)",
        "PJSIP/3": "Bo",
        "PJSIP/4": "PJSIP/4",
        "PJSIP/5": "PJSIP/5",
        "PJSIP/6": "Chen (PJSIP/6)",
        "PJSIP/7": "Chen (PJSIP/7)",
        "PJSIP/8": "Emil (south)",
        "PJSIP/9": "Emil (PJSIP/9)",
    }
