import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef, useState, type ReactNode } from "react";

interface Props {
  /** What the table is, for those who hear the page. */
  label: string;
  /** Narrower than this, the table scrolls sideways. */
  minWidth: number;
  /** Higher than this, it scrolls in itself. */
  maxHeight?: number;
  children: ReactNode;
}

/** Keeps a wide or long table inside the page; by keyboard it scrolls where it has to. */
export function TableScroll({ label, minWidth, maxHeight, children }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const { ref, width, height } = useElementSize<HTMLDivElement>();
  const { ref: inner, height: innerHeight } = useElementSize<HTMLDivElement>();
  const merged = useMergedRef(ref, element);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const box = element.current;
    if (box) setScrolls(box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight);
  }, [width, height, innerHeight]);
  return (
    <div
      ref={merged}
      style={{ overflow: "auto", maxHeight }}
      {...(scrolls && { tabIndex: 0, role: "region", "aria-label": label })}
    >
      <div ref={inner} style={{ minWidth }}>
        {children}
      </div>
    </div>
  );
}
