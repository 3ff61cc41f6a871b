import { ActionIcon, Kbd, Modal, Table, Text, Tooltip } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { keyName, useKeyList, useKeys, type KeyBinding } from "@/lib/keys";

function byGroup(bindings: KeyBinding[]): [string, KeyBinding[]][] {
  const groups = new Map<string, KeyBinding[]>();
  for (const binding of bindings) {
    if (binding.hidden || binding.enabled === false) continue;
    const group = binding.group ?? "This page";
    groups.set(group, [...(groups.get(group) ?? []), binding]);
  }
  return [...groups];
}

/** The `?` key and its button: every key that is in force on this page. */
export function KeyHelp() {
  const list = useKeyList();
  const [shown, setShown] = useState<KeyBinding[] | null>(null);
  const open = () => setShown(list());
  useKeys([{ keys: "?", label: "Show the keys", group: "Everywhere", run: open }]);
  return (
    <>
      <Tooltip label="Keys (?)">
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label="Show the keys"
          onClick={open}
        >
          <IconKeyboard size={19} stroke={1.6} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Modal opened={shown !== null} onClose={() => setShown(null)} title="Keys">
        <Table highlightOnHover={false} withRowBorders={false}>
          <Table.Tbody>
            {byGroup(shown ?? []).map(([group, bindings]) => (
              <Fragment key={group}>
                <Table.Tr>
                  <Table.Td colSpan={2}>
                    <Text size="xs" c="dimmed" fw={600}>
                      {group}
                    </Text>
                  </Table.Td>
                </Table.Tr>
                {bindings.map((binding) => (
                  <Table.Tr key={binding.label}>
                    <Table.Td>{binding.label}</Table.Td>
                    <Table.Td style={{ textAlign: "right" }}>
                      {[binding.keys].flat().map((key) => (
                        <Kbd key={key} ml={4}>
                          {keyName(key)}
                        </Kbd>
                      ))}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Fragment>
            ))}
          </Table.Tbody>
        </Table>
      </Modal>
    </>
  );
}
