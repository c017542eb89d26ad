internal import Bytes

/// The frame of a page: one HTML file with the program's style and script, which loads nothing.
struct HTMLPage {
  /// One section of a page.
  struct Section {
    var id: String
    var title: String
    var body: (inout HTMLText) -> Void
  }

  /// What the browser calls the page.
  var title: String
  /// What the page is: `report`.
  var kind: String
  var header: (inout HTMLText) -> Void
  var sections: [Section]
  var footer: (inout HTMLText) -> Void

  /// The file's text, UTF-8.
  func render() -> String {
    var html = HTMLText()
    html.markup("<!DOCTYPE html>\n")
    html.element("html", [("lang", "en")]) { html in
      html.element("head", [], head)
      html.element("body", [], body)
    }
    html.markup("\n")
    return html.output
  }

  private func head(_ html: inout HTMLText) {
    html.start("meta", [("charset", "utf-8")])
    // Even if text of a guest became markup, it could load and run nothing.
    html.start(
      "meta",
      [
        ("http-equiv", "Content-Security-Policy"),
        (
          "content",
          "default-src 'none'; style-src '\(Self.hash(Self.style))'; "
            + "script-src '\(Self.hash(Self.script))'; base-uri 'none'; form-action 'none'"
        ),
      ])
    html.start("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")])
    html.start("meta", [("name", "color-scheme"), ("content", "light dark")])
    html.element("title", "\(title) – vmreel \(kind)")
    html.element("style") { $0.resource(Self.style) }
  }

  private static let style = PackageResources.report_css
  private static let script = PackageResources.report_js

  private static func hash(_ bytes: [UInt8]) -> String {
    "sha256-" + Base64.encode(SHA256.hash(bytes))
  }

  private func body(_ html: inout HTMLText) {
    html.element("a", [("class", "skip"), ("href", "#main")], "Skip to the \(kind)")
    html.element("header", [], header)
    html.element("nav", [("aria-label", "Sections")]) { html in
      html.element("ul") { html in
        for section in sections {
          html.element("li") { html in
            html.element("a", [("href", "#" + section.id)], section.title)
          }
        }
      }
    }
    html.element("main", [("id", "main")]) { html in
      for section in sections {
        html.markup("\n")
        html.element(
          "section", [("id", section.id), ("aria-labelledby", section.id + "-title")]
        ) { html in
          html.element("h2", [("id", section.id + "-title")], section.title)
          section.body(&html)
        }
      }
    }
    html.element("footer") { html in
      html.element("p") { html in
        footer(&html)
        html.markup("This file is complete: it loads nothing.")
      }
    }
    html.element("script") { $0.resource(Self.script) }
  }
}
