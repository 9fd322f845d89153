import { awsCloud } from "./support/aws-cloud.ts";
import { describeCloudRuns } from "./support/cloud-runs.ts";

describeCloudRuns(awsCloud);
