"""What stops a stack, and who is told of it."""

import json

from tests.stack.conftest import Stack, planned

MAPPING = "module.ingest.aws_lambda_event_source_mapping.ingest"


def test_the_emergency_stop_survives_an_apply(bare_stack: Stack) -> None:
    """Applied with `processing_enabled = false` the queue calls nobody, another plan leaves it so, `true` ends it."""
    aws = bare_stack.checkout.client("lambda")
    [mapping] = aws.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["State"] == "Disabled"
    assert planned(bare_stack.checkout)[MAPPING]["enabled"] is False
    assert planned(bare_stack.checkout, "-var=processing_enabled=true")[MAPPING]["enabled"] is True


def test_an_alarm_that_goes_off_tells_the_topic(bare_stack: Stack) -> None:
    """From a metric by the name that the function is given to a message, with the runbook's section in it.

    Of an alarm of one metric, since the emulator looks at no others; tests/unit/test_alarms.py tries the rest.
    """
    client = bare_stack.checkout.client
    url = client("sqs").create_queue(QueueName="on-call")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    topic = bare_stack.outputs["alarm_topic_arn"]
    subscription = client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )["SubscriptionArn"]
    function = client("lambda").get_function_configuration(FunctionName=bare_stack.outputs["function_name"])
    written = function["Environment"]["Variables"]
    client("cloudwatch").put_metric_data(
        Namespace=written["POWERTOOLS_METRICS_NAMESPACE"],
        MetricData=[
            {
                "MetricName": "RemovalsStillServed",
                "Dimensions": [{"Name": "service", "Value": written["POWERTOOLS_SERVICE_NAME"]}],
                "Value": 1,
            }
        ],
    )
    [message] = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    told = json.loads(message["Body"])
    assert (told["AlarmName"], told["NewStateValue"]) == ("img-pipeline-local-removals-still-served", "ALARM")
    assert "docs/runbook.md#alarm-removals-still-served" in told["AlarmDescription"]
    client("sns").unsubscribe(SubscriptionArn=subscription)
    client("sqs").delete_queue(QueueUrl=url)
