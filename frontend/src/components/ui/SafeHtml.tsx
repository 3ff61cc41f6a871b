import { useMemo } from "react";
import classes from "./SafeHtml.module.css";

const TAGS = new Set(
  "A B BLOCKQUOTE BR CODE DD DEL DL DT EM H1 H2 H3 H4 H5 H6 HR I LI OL P PRE S STRONG SUB SUP TABLE TBODY TD TH THEAD TR UL".split(
    " ",
  ),
);
const GONE = new Set(["SCRIPT", "STYLE", "IFRAME", "OBJECT", "EMBED", "TEMPLATE", "SVG", "MATH"]);
const SAFE_LINK = /^(https?:|mailto:|\/(?!\/)|#)/i;

/** Text with simple marks: every other element loses its tag, every attribute but a safe link goes. */
export function cleaned(html: string): string {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  for (const element of [...body.querySelectorAll("*")]) {
    if (GONE.has(element.tagName.toUpperCase())) {
      element.remove();
      continue;
    }
    if (!TAGS.has(element.tagName)) {
      element.replaceWith(...element.childNodes);
      continue;
    }
    const href = element.getAttribute("href");
    for (const { name } of [...element.attributes]) element.removeAttribute(name);
    if (element.tagName === "A" && href && SAFE_LINK.test(href)) {
      element.setAttribute("href", href);
      element.setAttribute("rel", "noopener noreferrer");
      element.setAttribute("target", "_blank");
    }
  }
  return body.innerHTML;
}

/** The one place that shows HTML. The server cleans it too: this is the second lock. */
export function SafeHtml({ html }: { html: string }) {
  const safe = useMemo(() => cleaned(html), [html]);
  return <div className={classes.prose} dangerouslySetInnerHTML={{ __html: safe }} />;
}
