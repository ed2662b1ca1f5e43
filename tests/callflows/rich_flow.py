"""A flow with one of everything, for the tools that work on flows."""

from callflows.loader import FlowVersion, parse_flow

RICH = """\
flow: after-support
title: After a support call
languages: [en, zh]
tries: 2
timeout: 5
max_seconds: 300
language:
  ask: {en: "For English, press 1.", zh: "中文请按2。"}
  keys: {1: en, 2: zh}
confirm: {en: "You pressed {key}.", zh: "您按了{key}。"}
wrong_key: {en: "Sorry, that key is not one of the choices.", zh: 对不起，您按的键无效。}
no_input: {en: "Sorry, we did not hear a key.", zh: 对不起，没有收到您的按键。}
goodbye: {en: "We did not get your answer. Goodbye.", zh: 没有收到您的评价，再见。}
steps:
  - say: welcome
    text: {en: "Before you go, two short questions.", zh: 还有两个简短的问题。}
  - branch: which
    cases:
      - {queue: [vip, gold], language: en, go: solved}
      - {time: "18:00-08:00", weekday: [sat, sun], go: night}
    otherwise: why
  - ask-reason: why
    text:
      en: Why did you call? Press 1 for billing, 2 for a refund, or 3 for technical help.
      zh: 您为什么来电？账单请按1，退款请按2，技术问题请按3。
    reasons: {1: billing, 2: billing/refund, 3: technical}
  - ask: satisfaction
    headline: true
    text:
      en: Please rate this call from 1 to 5. Press 5 for very satisfied, or 1 for very dissatisfied.
      zh: 请按键给本次通话打1到5分。5分非常满意，1分非常不满意。
    keys: 1-5
    satisfied: [4, 5]
  - branch: low
    cases:
      - {answer: {satisfaction: 1-2}, go: comment}
      - {answer: {satisfaction: none}, go: thanks}
  - ask: solved
    text: {en: "Is your problem solved? Press 1 for yes, 2 for no.", zh: 您的问题解决了吗？解决了请按1，没有请按2。}
    keys: yes/no
    go: bank
  - comment: comment
    consent:
      en: What you say is recorded. Press hash if you do not want that.
      zh: 您的留言会被录音。如不同意请按井号键。
    text: {en: "Please tell us after the tone what went wrong.", zh: 请在提示音后告诉我们哪里不满意。}
    go: thanks
  - draw: bank
    count: 1
    questions:
      - ask: reliability
        text: {en: "From 1 to 5, did we keep our promises?", zh: 从1到5，我们是否遵守了承诺？}
        keys: 1-5
      - ask: empathy
        text: {en: "From 1 to 5, did we listen to you?", zh: 从1到5，我们是否倾听了您的意见？}
        keys: 1-5
  - end: thanks
    text: {en: "Thank you for your help. Goodbye.", zh: 感谢您的评价，再见。}
    incentive: {digits: 6, text: {en: "Your voucher code is", zh: 您的优惠码是}}
  - end: night
    text: {en: "Good night.", zh: 晚安。}
"""


def rich(*changes: tuple[str, str]) -> FlowVersion:
    """The flow, with some of its text changed."""
    text = RICH
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return parse_flow(text, "rich.yaml")
