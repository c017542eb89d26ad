/// Elements stored inline in the value that owns them: no allocation when a device is written or
/// copied, and `==`, which `InlineArray` lacks.
package struct FixedArray<let count: Int, Element: Equatable & Sendable>: Equatable, Sendable {
  private var storage: InlineArray<count, Element>

  /// Makes an array of equal elements.
  package init(repeating element: Element) {
    storage = InlineArray(repeating: element)
  }

  /// The element at an index from 0 up to `count`.
  package subscript(index: Int) -> Element {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  /// Whether all elements are equal.
  package static func == (left: Self, right: Self) -> Bool {
    for index in 0..<count where left.storage[index] != right.storage[index] {
      return false
    }
    return true
  }
}
