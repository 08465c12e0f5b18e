"""The chassis' public face: what others may import, sorted and complete."""

import airlock_chassis.bus as bus
import airlock_chassis.telemetry as telemetry


def test_the_public_names_are_sorted_and_exist() -> None:
    for module in (bus, telemetry):
        assert list(module.__all__) == sorted(module.__all__)
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_bus_offers_these_names() -> None:
    assert set(bus.__all__) == {
        *("Bus", "BusOptions", "Request", "Subscription"),
        *("BusClosed", "BusError", "BusUnavailable", "LayoutMismatch", "NoAnswer", "StreamsUnavailable"),
        *("PublishRefused", "PublishUnknown"),
        *("Layout", "LayoutSizes", "Streams", "StreamSpec", "ConsumerSpec", "Retention"),
        *("Publisher", "Outgoing", "Ack", "AlreadyThere", "Published", "Outcome"),
        *("Consumer", "EachMessage", "InBatches", "Message", "MessageKey", "AckTable", "DeadLetters"),
        *("Later", "Permanent", "ShuttingDown"),
    }


def test_telemetry_offers_these_names() -> None:
    assert set(telemetry.__all__) == {
        *("bind", "bind_process", "configure_logs", "get_logger", "register_secret", "forget_secrets"),
        *("configure_traces", "shutdown_traces", "use_provider", "span", "Kind"),
        *("record", "span_id", "child_of", "fail"),
        *("inject", "extract", "traceparent", "current_ids"),
        *("CONTENT_TYPE", "render_metrics"),
    }
