import { Kbd, Modal, Stack, UnstyledButton } from "@mantine/core";
import { useKeys } from "@/lib/keys";
import classes from "./ReasonMenu.module.css";

interface Props {
  reasons: { code: string; name: string }[];
  onChoose: (code: string) => void;
  onClose: () => void;
}

/** Why this pair cannot be judged: a number key each. */
export function ReasonMenu({ reasons, onChoose, onClose }: Props) {
  useKeys(
    reasons.map(({ code, name }, index) => ({
      keys: String(index + 1),
      label: name,
      inDialog: true,
      run: () => onChoose(code),
    })),
  );
  return (
    <Modal opened onClose={onClose} title="Why can it not be judged?" size="sm">
      <Stack gap={4} pt={4}>
        {reasons.map(({ code, name }, index) => (
          <UnstyledButton
            key={code}
            className={classes.reason}
            onClick={() => onChoose(code)}
            data-autofocus={index === 0 || undefined}
          >
            <Kbd>{index + 1}</Kbd>
            {name}
          </UnstyledButton>
        ))}
      </Stack>
    </Modal>
  );
}
