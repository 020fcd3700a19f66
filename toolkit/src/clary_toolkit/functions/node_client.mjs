// The interface client of Node.js functions: asks the Lambda Runtime API for invocations and calls the handler.
// Started by `program`; standard library only. The official client compiles C++ when it is installed and runs on the
// newest Node.js only, so that it cannot be had with every node that a machine has.

import http from "node:http";
import path from "node:path";
import fs from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const root = process.env.LAMBDA_TASK_ROOT;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, name, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const size = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const options = { host, port, method, agent, path: `/2018-06-01/runtime/${name}`, headers: { ...headers, ...size } };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function describe(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = String(error.stack ?? "").split("\n");
  return { errorType: error.name, errorMessage: error.message, trace };
}

function fail(kind, message) {
  const error = new Error(message);
  error.name = kind;
  return error;
}

async function load(handler) {
  const split = handler.lastIndexOf(".");
  const [file, name] = [handler.slice(0, split), handler.slice(split + 1)];
  if (split < 1 || file.split("/").includes("..")) {
    throw fail("Runtime.MalformedHandlerName", `Bad handler: ${handler}`);
  }
  const base = path.resolve(root, file);
  const found = [".js", ".mjs", ".cjs"].map((end) => base + end).find((candidate) => fs.existsSync(candidate));
  if (found === undefined) {
    throw fail("Runtime.ImportModuleError", `Error: Cannot find module '${file}'`);
  }
  const module = await open(found);
  const target = module[name] ?? module.default?.[name];
  if (typeof target !== "function") {
    throw fail("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  return target;
}

async function open(file) {
  try {
    return createRequire(pathToFileURL(file))(file);
  } catch (error) {
    if (error.code === "ERR_REQUIRE_ESM" || (error instanceof SyntaxError && /import|export|await/.test(error.message))) {
      return await import(pathToFileURL(file).href);
    }
    if (error.code === "MODULE_NOT_FOUND") {
      throw fail("Runtime.ImportModuleError", `Error: ${error.message.split("\n")[0]}`);
    }
    throw error;
  }
}

function contextOf(headers, done) {
  const text = headers["lambda-runtime-client-context"];
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: text ? JSON.parse(text) : undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done,
    succeed: (value) => done(null, value),
    fail: (error) => done(error ?? fail("Error", "handled")),
  };
}

// A handler returns a promise, or calls back.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => (error ? reject(error) : resolve(value));
    const answer = handler(event, contextOf(headers, done), done);
    if (answer && typeof answer.then === "function") {
      answer.then(resolve, reject);
    } else if (handler.length < 3 && answer !== undefined) {
      resolve(answer);
    }
  });
}

function report(error) {
  const told = describe(error);
  console.error(JSON.stringify({ ...told, stack: told.trace, trace: undefined }));
  return JSON.stringify(told);
}

async function main() {
  let handler;
  try {
    handler = await load(process.argv[2]);
  } catch (error) {
    await call("POST", "init/error", report(error));
    process.exit(1);
  }
  for (;;) {
    const next = await call("GET", "invocation/next");
    const id = next.headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
    try {
      const value = await run(handler, JSON.parse(next.body.toString() || "{}"), next.headers);
      await call("POST", `invocation/${id}/response`, JSON.stringify(value === undefined ? null : value));
    } catch (error) {
      await call("POST", `invocation/${id}/error`, report(error));
    }
  }
}

process.on("uncaughtException", (error) => {
  report(error);
  process.exit(129);
});
process.on("unhandledRejection", (error) => {
  report(error);
  process.exit(128);
});
main();
