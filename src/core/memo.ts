/** A function that is asked once for each object. */
export function memo<Input extends object, Output>(
  of: (input: Input) => Output,
): (input: Input) => Output {
  const known = new WeakMap<Input, { value: Output }>();
  return (input) => {
    const entry = known.get(input) ?? { value: of(input) };
    known.set(input, entry);
    return entry.value;
  };
}
