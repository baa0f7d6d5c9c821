"""What an apply made that was cut off before Terraform could note it: found by its name, and taken over.

Terraform writes a state in a bucket every twenty seconds and notes a resource once it is ready, which takes minutes
for a distribution. Killed before, it makes a second distribution the next time, and stops at every name that is taken.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from scripts.stacktools.shell import ROOT
from scripts.stacktools.state_bucket import aws_errors, client

FILE = "adopted.tf"
"""Written into the root module's folder while a plan is made. Not for version control."""

_INDEX = re.compile(r"\[[^\]]*\]")
"""Of `count` and `for_each`, in an address."""


def orphans(plan: dict[str, Any], region: str) -> dict[str, str]:
    """Of what a plan would make: what is there already. Ids for `terraform import`, by address."""
    found = {}
    regions = _regions(plan, region)
    unknown: tuple[type[Exception], ...] = (*aws_errors(), KeyError)
    for resource in plan.get("resource_changes", []):
        find = FINDERS.get(resource["type"])
        if find and resource["change"]["actions"] == ["create"]:
            try:
                where = regions[_INDEX.sub("", resource["address"])]
                identity = find(partial(client, region=where), resource["change"]["after"])
            except unknown:  # not there, or its name is not known yet
                identity = None
            if identity:
                found[resource["address"]] = identity
    return found


def _regions(plan: dict[str, Any], region: str) -> dict[str, str]:
    """Where each resource is, by its address without an index: the same name may be in two regions."""
    elsewhere = plan.get("variables", {}).get("replica_region", {}).get("value")
    providers = {"aws": region, "aws.us_east_1": "us-east-1", "aws.replica": elsewhere or region}
    return {
        address: providers[key]
        for address, key in _provider_keys(plan.get("configuration", {}).get("root_module", {}))
        if key in providers
    }


def _provider_keys(module: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for resource in module.get("resources", []):
        yield prefix + resource["address"], resource["provider_config_key"]
    for name, call in module.get("module_calls", {}).items():
        yield from _provider_keys(call["module"], f"{prefix}module.{name}.")


@contextmanager
def taken_over(folder: str, found: dict[str, str]) -> Iterator[None]:
    """While a plan is made, Terraform is told what to import."""
    path = ROOT / folder / FILE
    blocks = [f'import {{\n  to = {address}\n  id = "{identity}"\n}}\n' for address, identity in found.items()]
    path.write_text("# Written by scripts/deploy for one plan. Delete it if you find it.\n" + "".join(blocks))
    try:
        yield
    finally:
        path.unlink()


Aws = Callable[[str], Any]
Finder = Callable[[Aws, dict[str, Any]], str | None]


def _one(identities: Iterator[str]) -> str | None:
    return next(identities, None)


def _log_group(aws: Aws, after: dict[str, Any]) -> str | None:
    groups = aws("logs").describe_log_groups(logGroupNamePrefix=after["name"])["logGroups"]
    return _one(each["logGroupName"] for each in groups if each["logGroupName"] == after["name"])


def _mapping(aws: Aws, after: dict[str, Any]) -> str | None:
    found = aws("lambda").list_event_source_mappings(EventSourceArn=after["event_source_arn"])["EventSourceMappings"]
    return _one(each["UUID"] for each in found)


def _alias(aws: Aws, after: dict[str, Any]) -> str:
    function, name = after["function_name"], after["name"]
    aws("lambda").get_alias(FunctionName=function, Name=name)
    return f"{function}/{name}"


def _distribution(aws: Aws, after: dict[str, Any]) -> str | None:
    pages = aws("cloudfront").get_paginator("list_distributions").paginate()
    items = (each for page in pages for each in page["DistributionList"].get("Items", []))
    return _one(each["Id"] for each in items if each["Comment"] == after["comment"])


def _cache_policy(aws: Aws, after: dict[str, Any]) -> str | None:
    items = aws("cloudfront").list_cache_policies(Type="custom")["CachePolicyList"].get("Items", [])
    policies = (each["CachePolicy"] for each in items)
    return _one(each["Id"] for each in policies if each["CachePolicyConfig"]["Name"] == after["name"])


def _headers_policy(aws: Aws, after: dict[str, Any]) -> str | None:
    items = aws("cloudfront").list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
    policies = (each["ResponseHeadersPolicy"] for each in items.get("Items", []))
    return _one(each["Id"] for each in policies if each["ResponseHeadersPolicyConfig"]["Name"] == after["name"])


def _access_control(aws: Aws, after: dict[str, Any]) -> str | None:
    items = aws("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    return _one(each["Id"] for each in items if each["Name"] == after["name"])


def _edge_function(aws: Aws, after: dict[str, Any]) -> str:
    aws("cloudfront").describe_function(Name=after["name"], Stage="DEVELOPMENT")
    return str(after["name"])


def _named(service: str, call: str, argument: str, attribute: str = "name") -> Finder:
    """Of a type whose id is its name, and that one call looks up."""

    def find(aws: Aws, after: dict[str, Any]) -> str | None:
        getattr(aws(service), call)(**{argument: after[attribute]})
        return str(after[attribute])

    return find


FINDERS: dict[str, Finder] = {
    "aws_s3_bucket": _named("s3", "head_bucket", "Bucket", "bucket"),
    "aws_dynamodb_table": _named("dynamodb", "describe_table", "TableName"),
    "aws_sqs_queue": lambda aws, after: aws("sqs").get_queue_url(QueueName=after["name"])["QueueUrl"],
    "aws_iam_role": _named("iam", "get_role", "RoleName"),
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_event_bus": _named("events", "describe_event_bus", "Name"),
    "aws_lambda_function": _named("lambda", "get_function", "FunctionName", "function_name"),
    "aws_lambda_alias": _alias,
    "aws_lambda_event_source_mapping": _mapping,
    "aws_ecr_repository": lambda aws, after: aws("ecr").describe_repositories(repositoryNames=[after["name"]])[
        "repositories"
    ][0]["repositoryName"],
    "aws_ssm_parameter": _named("ssm", "get_parameter", "Name"),
    "aws_cloudfront_function": _edge_function,
    "aws_cloudfront_cache_policy": _cache_policy,
    "aws_cloudfront_response_headers_policy": _headers_policy,
    "aws_cloudfront_origin_access_control": _access_control,
    "aws_cloudfront_distribution": _distribution,
}
"""Types of which there is one of a name, or that take long to make."""
