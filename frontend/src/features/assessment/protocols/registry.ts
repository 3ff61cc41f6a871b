import type { Protocol } from "./types";

/** A protocol's name on the server, and its module here. */
const PROTOCOLS: Record<string, () => Promise<Protocol>> = {
  graded_pair: async () => (await import("./GradedPair")).gradedPair,
};

export async function loadProtocol(name: string): Promise<Protocol> {
  const load = PROTOCOLS[name];
  if (!load) {
    throw new Error(
      `This study uses the protocol "${name}", which these pages do not know. Ask an admin.`,
    );
  }
  return load();
}
