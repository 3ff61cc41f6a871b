/** "collection:demo" -> "Collection demo" */
export function targetWords(target: string): string {
  const [kind = "", ...rest] = target.split(":");
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${rest.join(":")}`.trim();
}
