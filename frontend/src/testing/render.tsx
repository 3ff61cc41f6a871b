import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactElement } from "react";
import { MemoryRouter } from "react-router";
import { cssVariables, theme } from "@/config/theme";
import { KeysProvider } from "@/lib/keys";

/** Render with everything that pages rely on; `at` is the address. */
export function renderPage(element: ReactElement, { at = "/" }: { at?: string } = {}) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={client}>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} env="test">
        <KeysProvider>
          <MemoryRouter initialEntries={[at]}>{element}</MemoryRouter>
        </KeysProvider>
      </MantineProvider>
    </QueryClientProvider>,
  );
}
