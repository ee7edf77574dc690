// Validates custom resources, a JSON list on standard input, by the models in the folder that is the argument.
// Writes what is wrong, one line for each resource, and exits with 1 if anything is.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const packages = { "keda.sh": "keda", "monitoring.coreos.com": "prometheus-operator" };
const folder = process.argv[2];

for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = resource.apiVersion.split("/");
  const path = `${folder}/node_modules/@kubernetes-models/${packages[group]}/${group}/${version}/${resource.kind}.js`;
  const models = await import(pathToFileURL(path));
  try {
    new models[resource.kind](resource).validate();
  } catch (error) {
    process.exitCode = 1;
    console.log(`${resource.kind} ${resource.metadata.name}: ${error.message}`);
  }
}
