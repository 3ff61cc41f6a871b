import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { Suspense, useEffect, useState } from "react";
import { RouterProvider } from "react-router";
import { cssVariables, theme } from "@/config/theme";
import { sessionQuery } from "@/features/accounts";
import { makeQueryClient, onSignedOut } from "@/lib/api";
import { KeysProvider } from "@/lib/keys";
import { makeRouter } from "./router";
import { Unreachable } from "./Unreachable";

const themeKeeper = localStorageColorSchemeManager({ key: "likeness-theme" });

export function App() {
  const [client] = useState(makeQueryClient);
  const [router] = useState(makeRouter);
  useEffect(() => {
    // The guard then leads to the sign-in page and back to the same place.
    onSignedOut(() => client.setQueryData(sessionQuery.queryKey, { user: null }));
    return () => onSignedOut(undefined);
  }, [client]);
  return (
    <QueryClientProvider client={client}>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        colorSchemeManager={themeKeeper}
        defaultColorScheme="auto"
      >
        <KeysProvider>
          <Notifications position="bottom-right" limit={3} />
          <Unreachable>
            <Suspense fallback={null}>
              <RouterProvider router={router} />
            </Suspense>
          </Unreachable>
        </KeysProvider>
      </MantineProvider>
    </QueryClientProvider>
  );
}
