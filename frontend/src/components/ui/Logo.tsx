import classes from "./Logo.module.css";

/** Two images; what they share is the accent. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden className={classes.mark}>
      <rect x="2" y="6" width="18" height="20" rx="4.500" className={classes.one} />
      <rect x="12" y="6" width="18" height="20" rx="4.500" className={classes.other} />
      <path
        d="M16.500 6H15.500A3.500 3.500 0 0 0 12 9.500v13A3.500 3.500 0 0 0 15.500 26h1A3.500 3.500 0 0 0 20 22.500v-13A3.500 3.500 0 0 0 16.500 6Z"
        className={classes.shared}
      />
    </svg>
  );
}

export function Logo({ size = 24 }: { size?: number }) {
  return (
    <span className={classes.logo}>
      <Mark size={size} />
      <span className={classes.word} style={{ fontSize: size * 0.72 }}>
        likeness
      </span>
    </span>
  );
}
