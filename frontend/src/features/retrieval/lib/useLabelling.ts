import { useState } from "react";
import { tellFailed } from "@/components/ui";
import { useLabelImages } from "../api/screening";
import type { ScreenedImage } from "../api/types";

interface Given {
  image_id: string;
  before: string;
}

/**
 * Labels as they are given: shown at once, sent behind the person's back, taken back when the
 * server refuses them or the person does.
 */
export function useLabelling(slug: string) {
  const [labels, setLabels] = useState<ReadonlyMap<string, string>>(new Map());
  const [history, setHistory] = useState<readonly Given[]>([]);
  const send = useLabelImages(slug);

  const labelOf = (image: ScreenedImage): string => labels.get(image.image_id) ?? image.label;
  const put = (image_id: string, label: string, before: string) => {
    setLabels((all) => new Map(all).set(image_id, label));
    send.mutate(
      { [image_id]: label },
      {
        onError: (error) => {
          setLabels((all) => new Map(all).set(image_id, before));
          tellFailed(error);
        },
      },
    );
  };
  return {
    labelOf,
    give: (image: ScreenedImage, label: string) => {
      const before = labelOf(image);
      setHistory((all) => [...all, { image_id: image.image_id, before }]);
      put(image.image_id, label, before);
    },
    /** Take the last one back; says which it was. */
    undo: (): string | null => {
      const last = history.at(-1);
      if (!last) return null;
      setHistory((all) => all.slice(0, -1));
      put(last.image_id, last.before, labels.get(last.image_id) ?? "");
      return last.image_id;
    },
    canUndo: history.length > 0,
    nGiven: history.length,
  };
}
