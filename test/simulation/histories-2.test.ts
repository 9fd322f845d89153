import { describeHistories } from "./describe-histories.ts";

describeHistories(5001, 5000);
