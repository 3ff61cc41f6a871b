/** Which image the explorer is about: in the address, or a file that only this page has. */
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { tellFailed } from "@/components/ui";
import type { DroppedFile, Picture } from "../api/explore";

const MOST_BYTES = 100 * 2 ** 20;

let serial = 0;

export function usePicture() {
  const [params, setParams] = useSearchParams();
  const [dropped, setDropped] = useState<DroppedFile | null>(null);
  const imageId = params.get("image");
  const fileId = params.get("file");
  const picture: Picture | null =
    imageId !== null ? { imageId } : dropped !== null && fileId === dropped.id ? { dropped } : null;

  const go = (name: "image" | "file" | null, value = "") =>
    setParams((before) => {
      const after = new URLSearchParams(before);
      after.delete("image");
      after.delete("file");
      if (name !== null) after.set(name, value);
      return after;
    });
  const chooseFile = (file: File) => {
    if (file.size > MOST_BYTES) {
      tellFailed(new Error(`${file.name} is larger than 100 MiB.`));
      return;
    }
    serial += 1;
    const id = String(serial);
    setDropped({ id, file });
    go("file", id);
  };

  const paste = useRef(chooseFile);
  useEffect(() => {
    paste.current = chooseFile;
  });
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const file = event.clipboardData?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      paste.current(file);
    };
    window.addEventListener("paste", onPaste);
    return () => window.removeEventListener("paste", onPaste);
  }, []);

  return {
    picture,
    chooseImage: (id: string) => go("image", id),
    chooseFile,
    clear: () => go(null),
  };
}
