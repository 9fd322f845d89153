// @ts-check
// Prints the schemas of a job file and of a configuration; run on sources, by Node's condition @gpujob/source.
import { configJsonSchema, jobJsonSchema } from "@gpujob/spec";

console.log(JSON.stringify({ job: jobJsonSchema(), config: configJsonSchema() }));
