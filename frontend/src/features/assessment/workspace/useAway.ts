import { useEffect } from "react";
import type { PairClock } from "./clock";

/** Tell the clock when the page is hidden or its window is left. */
export function useAway(clock: PairClock): void {
  useEffect(() => {
    const update = () =>
      clock.setAway(
        document.visibilityState !== "visible" || !document.hasFocus(),
        performance.now(),
      );
    update();
    window.addEventListener("blur", update);
    window.addEventListener("focus", update);
    document.addEventListener("visibilitychange", update);
    return () => {
      window.removeEventListener("blur", update);
      window.removeEventListener("focus", update);
      document.removeEventListener("visibilitychange", update);
    };
  }, [clock]);
}
