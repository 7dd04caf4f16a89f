/** How Node's `console.log` shows objects of our classes. */

/** Makes `console.log(x)` print `show(x)` for instances of `type`. */
export function printsAs<T extends object>(
  type: abstract new (...args: never[]) => T,
  show: (x: T) => string = String,
): void {
  Object.defineProperty(type.prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: T): string {
      return show(this);
    },
    configurable: true,
    writable: true,
  });
}
