"""What stops a stack, and who is told of it."""

from tests.stack.conftest import Stack, planned

MAPPING = "module.ingest.aws_lambda_event_source_mapping.ingest"


def test_the_emergency_stop_survives_an_apply(bare_stack: Stack) -> None:
    """Applied with `processing_enabled = false` the queue calls nobody, another plan leaves it so, `true` ends it."""
    aws = bare_stack.checkout.client("lambda")
    [mapping] = aws.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["State"] == "Disabled"
    assert planned(bare_stack.checkout)[MAPPING]["enabled"] is False
    assert planned(bare_stack.checkout, "-var=processing_enabled=true")[MAPPING]["enabled"] is True
