//! What the names and ARNs of a template's resources are here: those that a stack of that name would
//! give, without the random part (`facts/embeddings.md` 9).

use super::{ACCOUNT_ID, REGION};

/// A type of resource whose name and ARN can be known without deploying it.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The property that names it.
    pub(super) name_property: &'static str,
    /// Its ARN: `%` is the name, `@` region and account as ARNs write them.
    arn: &'static str,
    reference: Reference,
    /// Attributes that give the name, beside `Arn`.
    name_attributes: &'static [&'static str],
}

/// What `Ref` gives.
enum Reference {
    Name,
    Arn,
    Url,
}

use Reference::{Arn, Name, Url};

const KINDS: [Kind; 15] = [
    kind("AWS::Serverless::Function", "FunctionName", "lambda:@:function:%", Name, &[]),
    kind("AWS::Lambda::Function", "FunctionName", "lambda:@:function:%", Name, &[]),
    kind("AWS::Serverless::StateMachine", "Name", "states:@:stateMachine:%", Arn, &["Name"]),
    kind(
        "AWS::StepFunctions::StateMachine",
        "StateMachineName",
        "states:@:stateMachine:%",
        Arn,
        &["Name"],
    ),
    kind("AWS::StepFunctions::Activity", "Name", "states:@:activity:%", Arn, &["Name"]),
    kind("AWS::Serverless::SimpleTable", "TableName", "dynamodb:@:table/%", Name, &[]),
    kind("AWS::DynamoDB::Table", "TableName", "dynamodb:@:table/%", Name, &[]),
    kind("AWS::S3::Bucket", "BucketName", "s3:::%", Name, &[]),
    kind("AWS::SQS::Queue", "QueueName", "sqs:@:%", Url, &["QueueName"]),
    kind("AWS::SNS::Topic", "TopicName", "sns:@:%", Arn, &["TopicName"]),
    kind("AWS::Events::EventBus", "Name", "events:@:event-bus/%", Name, &["Name"]),
    kind("AWS::IAM::Role", "RoleName", "iam::ACCOUNT:role/%", Name, &[]),
    kind("AWS::Logs::LogGroup", "LogGroupName", "logs:@:log-group:%:*", Name, &[]),
    kind("AWS::ECS::Cluster", "ClusterName", "ecs:@:cluster/%", Name, &[]),
    kind("AWS::Kinesis::Stream", "Name", "kinesis:@:stream/%", Name, &[]),
];

const fn kind(
    name: &'static str,
    name_property: &'static str,
    arn: &'static str,
    reference: Reference,
    name_attributes: &'static [&'static str],
) -> Kind {
    Kind { name, name_property, arn, reference, name_attributes }
}

impl Kind {
    pub(super) fn of(resource_type: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == resource_type)
    }

    pub(super) fn is_function(&self) -> bool {
        self.name_property == "FunctionName"
    }

    pub(super) fn is_machine(&self) -> bool {
        self.arn.ends_with(":stateMachine:%")
    }

    pub(super) fn arn(&self, name: &str) -> String {
        let scope = format!("{REGION}:{ACCOUNT_ID}");
        let rest = self.arn.replace('@', &scope).replace("ACCOUNT", ACCOUNT_ID).replace('%', name);
        format!("arn:aws:{rest}")
    }

    /// `Ref` to a resource of that name.
    pub(super) fn reference(&self, name: &str) -> String {
        match self.reference {
            Name => name.to_owned(),
            Arn => self.arn(name),
            Url => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{name}"),
        }
    }

    /// `Fn::GetAtt` of a resource of that name, if the attribute can be known.
    pub(super) fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        match attribute {
            "Arn" | "TopicArn" => Some(self.arn(name)),
            _ if self.name_attributes.contains(&attribute) => Some(name.to_owned()),
            _ => None,
        }
    }
}

/// The ARN of a function that is called so on AWS.
pub(super) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")
}
