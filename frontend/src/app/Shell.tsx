import { ActionIcon, Burger, Drawer, Menu, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLogout, IconSettings, IconUserCircle } from "@tabler/icons-react";
import { Suspense } from "react";
import { Link, NavLink, Outlet, useNavigate } from "react-router";
import { KeyHelp, Loading, Logo, Page, ThemeToggle } from "@/components/ui";
import { NAVIGATION } from "@/config/navigation";
import { mayBe, useSignedInUser, useSignOut } from "@/features/accounts";
import { useOutboxState } from "@/features/assessment";
import { counted } from "@/lib/format";
import classes from "./Shell.module.css";

function AccountMenu() {
  const user = useSignedInUser();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const unsent = useOutboxState().waiting.length;
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Account of ${user.name}`}>
          <IconUserCircle size={20} stroke={1.6} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)">
            {user.name}
          </Text>
          {[user.role, ...user.groups].join(" · ")}
        </Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<IconSettings size={16} />}>
          Account
        </Menu.Item>
        {unsent > 0 && (
          <Menu.Label>
            {counted(unsent, "judgment")} still to be sent. Sending goes on when you sign in again
            in this browser.
          </Menu.Label>
        )}
        <Menu.Item
          leftSection={<IconLogout size={16} />}
          onClick={() => signOut.mutate(undefined, { onSuccess: () => void navigate("/sign-in") })}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Header, navigation and page. */
export function Shell() {
  const user = useSignedInUser();
  const [opened, { toggle, close }] = useDisclosure(false);
  const places = NAVIGATION.filter((place) => mayBe(user, place.needs));
  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <header className={classes.header}>
        {places.length > 0 && (
          <Burger
            opened={opened}
            onClick={toggle}
            size="sm"
            className={classes.burger}
            aria-label="Places"
          />
        )}
        <UnstyledButton
          component={Link}
          to="/"
          aria-label="Likeness: home"
          className={classes.home}
        >
          <Logo size={23} />
        </UnstyledButton>
        <nav className={classes.places} aria-label="Places">
          {places.map(({ to, label }) => (
            <NavLink key={to} to={to} className={classes.place}>
              {label}
            </NavLink>
          ))}
        </nav>
        <div className={classes.tools}>
          <KeyHelp />
          <ThemeToggle />
          <AccountMenu />
        </div>
      </header>
      <Drawer opened={opened} onClose={close} size="xs" title={<Logo size={22} />}>
        <Stack gap={4} component="nav" aria-label="Places">
          {places.map(({ to, label }) => (
            <NavLink key={to} to={to} className={classes.place} onClick={close}>
              {label}
            </NavLink>
          ))}
        </Stack>
      </Drawer>
      <main id="main" tabIndex={-1} className={classes.main}>
        <Suspense
          fallback={
            <Page title="Loading">
              <Loading />
            </Page>
          }
        >
          <Outlet />
        </Suspense>
      </main>
    </>
  );
}
