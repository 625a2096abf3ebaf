//! What a Task's ARN means to AWS (`facts/asl.md` 13): which service and action, and whether AWS knows it.

/// Services with an integration of their own, and their actions. AWS refuses any other.
const OPTIMIZED: [(&str, &[&str]); 22] = [
    ("apigateway", &["invoke"]),
    (
        "athena",
        &["getQueryExecution", "getQueryResults", "startQueryExecution", "stopQueryExecution"],
    ),
    ("batch", &["submitJob"]),
    ("bedrock", &["createModelCustomizationJob", "invokeModel"]),
    (
        "codebuild",
        &[
            "batchDeleteBuilds",
            "batchGetReports",
            "deleteBuildBatch",
            "retryBuildBatch",
            "startBuild",
            "startBuildBatch",
            "stopBuild",
            "stopBuildBatch",
        ],
    ),
    ("databrew", &["startJobRun"]),
    ("dynamodb", &["deleteItem", "getItem", "putItem", "updateItem"]),
    ("ecs", &["runTask"]),
    (
        "eks",
        &[
            "call",
            "createCluster",
            "createFargateProfile",
            "createNodegroup",
            "deleteCluster",
            "deleteFargateProfile",
            "deleteNodegroup",
            "runJob",
        ],
    ),
    (
        "elasticmapreduce",
        &[
            "addStep",
            "cancelStep",
            "createCluster",
            "modifyInstanceFleetByName",
            "modifyInstanceGroupByName",
            "setClusterTerminationProtection",
            "terminateCluster",
        ],
    ),
    ("emr-containers", &["createVirtualCluster", "deleteVirtualCluster", "startJobRun"]),
    (
        "emr-serverless",
        &[
            "cancelJobRun",
            "createApplication",
            "deleteApplication",
            "startApplication",
            "startJobRun",
            "stopApplication",
        ],
    ),
    ("events", &["putEvents"]),
    ("glue", &["startJobRun"]),
    ("http", &["invoke"]),
    ("lambda", &["invoke"]),
    ("mediaconvert", &["createJob"]),
    (
        "sagemaker",
        &[
            "createEndpoint",
            "createEndpointConfig",
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createModel",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
            "updateEndpoint",
        ],
    ),
    ("sns", &["publish"]),
    ("sqs", &["sendMessage"]),
    ("states", &["startExecution"]),
    // Step Functions' own words for the items of a distributed Map and the results of one.
    ("s3", &["getObject", "listObjectsV2", "putObject"]),
];

/// How a Task waits for what it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// For the answer to the request.
    Response,
    /// `.sync`, `.sync:2`: for the job's end.
    Sync,
    /// `.waitForTaskToken`: for somebody to give the token back.
    Token,
}

/// What a Task calls that is no function.
#[derive(Debug, PartialEq)]
pub(super) enum Integration<'a> {
    /// A worker that asks for tasks.
    Activity(&'a str),
    /// An action of a service.
    Action {
        /// Such as `sqs`, or `aws-sdk:s3`.
        service: &'a str,
        /// Such as `sendMessage`.
        action: &'a str,
        /// The end of the resource.
        pattern: Pattern,
    },
    /// Nothing that AWS knows.
    Unknown,
}

/// Reads an ARN of `states`.
pub(super) fn read(arn: &str) -> Integration<'_> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "states", region, account, "activity", name]
            if [region, account, name].iter().all(|part| !part.is_empty()) =>
        {
            Integration::Activity(name)
        }
        // An account's own copy of a definition may name region and account here as well.
        ["arn", _, "states", _, _, "aws-sdk", service, action] => {
            let start = arn.find("aws-sdk").expect("it is a part");
            let length = "aws-sdk:".len() + service.len();
            let (action, pattern) = split(action);
            match pattern {
                Some(pattern @ (Pattern::Response | Pattern::Token)) => {
                    Integration::Action { service: &arn[start..start + length], action, pattern }
                }
                _ => Integration::Unknown,
            }
        }
        ["arn", _, "states", _, _, service, action] => known(service, action, false),
        ["arn", _, "states", _, _, service, action, "2"] => known(service, action, true),
        _ => Integration::Unknown,
    }
}

/// `second`: the resource ends in `:2`, which only `.sync` does.
fn known<'a>(service: &'a str, action: &'a str, second: bool) -> Integration<'a> {
    let (action, pattern) = split(action);
    let actions = OPTIMIZED.iter().find(|(name, _)| *name == service).map(|(_, actions)| *actions);
    match pattern {
        Some(pattern)
            if actions.is_some_and(|actions| actions.contains(&action))
                && (!second || pattern == Pattern::Sync) =>
        {
            Integration::Action { service, action, pattern }
        }
        _ => Integration::Unknown,
    }
}

fn split(action: &str) -> (&str, Option<Pattern>) {
    match action.split_once('.') {
        None => (action, Some(Pattern::Response)),
        Some((action, "sync")) => (action, Some(Pattern::Sync)),
        Some((action, "waitForTaskToken")) => (action, Some(Pattern::Token)),
        Some((action, _)) => (action, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_service_action_and_pattern() {
        let action = |service, action, pattern| Integration::Action { service, action, pattern };
        for (arn, integration) in [
            ("arn:aws:states:::sqs:sendMessage", action("sqs", "sendMessage", Pattern::Response)),
            (
                "arn:aws-cn:states:::sqs:sendMessage.waitForTaskToken",
                action("sqs", "sendMessage", Pattern::Token),
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                action("states", "startExecution", Pattern::Sync),
            ),
            (
                "arn:aws:states:::aws-sdk:dynamodb:query",
                action("aws-sdk:dynamodb", "query", Pattern::Response),
            ),
            (
                "arn:aws:states:us-east-1:111122223333:sns:publish",
                action("sns", "publish", Pattern::Response),
            ),
            ("arn:aws:states:us-east-1:111122223333:activity:dig", Integration::Activity("dig")),
            ("arn:aws:states:us-east-1:111122223333:activity:", Integration::Unknown),
            ("arn:aws:states:::dynamodb:query", Integration::Unknown),
            ("arn:aws:states:::sqs:sendMessage.async", Integration::Unknown),
            ("arn:aws:states:::sqs:sendMessage:2", Integration::Unknown),
            ("arn:aws:states:::aws-sdk:s3:getObject.sync", Integration::Unknown),
            ("arn:aws:states:::no-such-service:run", Integration::Unknown),
        ] {
            assert_eq!(read(arn), integration, "{arn}");
        }
    }
}
