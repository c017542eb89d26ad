import Analysis
import Reporting
import Testing
import Trace

/// The page of a difference: escapes, links, equal bytes, bounded size.
@Suite struct HTMLDifferenceTests {
  private static let hostile = HTMLReportTests.hostile

  /// Compares two reels of console writes, named by what a guest would like to be called.
  private func data(
    _ a: String, _ b: String, limit: Int = 20
  ) throws -> DifferenceReportData {
    let reels = try [a, b].map { try HTMLReportTests.reel($0) }
    let metadata = (
      a: HTMLReportTests.metadata(named: Self.hostile), b: HTMLReportTests.metadata(named: "plain")
    )
    var options = ReelDifference.Options()
    options.mapsStreams = true
    options.hunkLimit = limit
    let difference = try ReelDifference(
      reels[0], reels[1], metadata: metadata, options: options)
    return try DifferenceReportData(
      reels[0], reels[1], difference, metadata: metadata, limit: limit)
  }

  private func page(_ a: String, _ b: String, isFull: Bool = false) throws -> String {
    var page = HTMLDifference(try data(a, b), nameA: Self.hostile, nameB: "b/second.reel")
    page.isFull = isFull
    return page.render()
  }

  /// What stands behind each `name="`, up to the quote.
  private func values(of attribute: String, in html: String) -> [Substring] {
    html.split(separator: " \(attribute)=\"", omittingEmptySubsequences: false).dropFirst().map {
      $0.prefix { $0 != "\"" }
    }
  }

  @Test(arguments: [false, true]) func textOfReelsIsNeverMarkup(_ isFull: Bool) throws {
    let html = try page(
      "first\n" + Self.hostile + "\nlast\n", "first\nother " + Self.hostile + "\nlast",
      isFull: isFull)
    #expect(!html.contains("<img"))
    #expect(html.contains("&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)"))
    #expect(html.ranges(of: "<script").count == 1 && html.ranges(of: "</script").count == 1)
    #expect(html.ranges(of: "<style").count == 1)
    #expect(!html.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{202e}" })
  }

  @Test(arguments: [
    ("same", "same"), ("one two three", "one three"), ("one three", "one two three"),
    ("abcdef", "abcXYZ"), ("prefix", "prefix and more"), ("", "all"), ("", ""),
  ])
  func linksLeadSomewhere(_ a: String, _ b: String) throws {
    let html = try page(a, b)
    let ids = values(of: "id", in: html)
    #expect(Set(ids).count == ids.count)
    let links = values(of: "href", in: html)
    #expect(links.count > 3)
    for link in links { #expect(link.first == "#" && ids.contains(link.dropFirst())) }
  }

  @Test func equalReelsMakeEqualBytes() throws {
    let text = String(repeating: "a line of some length\n", count: 50)
    #expect(try page(text, text + "!") == page(text, text + "!"))
  }

  @Test func insertionOpensAWedge() throws {
    let common = String(repeating: "0123456789", count: 24)
    let data = try data(common + common, common + "inserted." + common)
    let map = try #require(data.difference.map)
    #expect(map.a == 0..<480 && map.b == 0..<489)
    #expect(map.stretches.map(\.change) == [.inserted] && map.stretches[0].count == 9)
    #expect(map.stretches[0].a == 240..<240 && map.stretches[0].b == 240..<249)
    #expect(map.common.map(\.a) == [0..<240, 240..<480])
    #expect(map.common.map(\.b) == [0..<240, 249..<489])
    // 489 events lie in 163 intervals of 3 on a picture of 2400.
    #expect(data.timelineA.width == 3 && data.timelineB.intervalCount == 163)
    let html = HTMLDifference(data, nameA: "a", nameB: "b").render()
    #expect(html.contains("<a href=\"#hunk-1\" id=\"band-1\" class=\"inserted\">"))
    #expect(html.contains("Stretch 1: 9 events inserted; A before 240, B 240–248"))
    #expect(html.contains("d=\"M1177 0C1177 50 1177 50 1177 100H1222C1222 50 1177 50 1177 0Z\""))
  }

  /// Where one stream goes on, nothing of the other is connected with that.
  @Test func tailIsConnectedWithNothing() throws {
    let map = try #require(try data("prefix", "prefix and more").difference.map)
    #expect(map.common.map(\.a) == [0..<6] && map.common.map(\.b) == [0..<6])
    #expect(map.stretches.map(\.b) == [6..<15] && map.stretches.map(\.a) == [6..<6])
  }

  /// However many stretches differ, the picture stays as large as it can be seen.
  @Test func picturesOfManyStretchesAreSmall() throws {
    let line = Array(repeating: "the quick brown fox jumps over the lazy dog\n", count: 2000)
    let other = line.enumerated().map { place, text in
      place % 3 == 0 ? text.replacing("quick", with: "q\(place)") : text
    }
    let data = try data(line.joined(), other.joined())
    #expect(try #require(data.difference.hunks).count >= 667)
    let html = HTMLDifference(data, nameA: "a", nameB: "b").render()
    #expect(html.utf8.count < 500_000)
    #expect(html.ranges(of: "<path class=\"common\"").count <= 601)
    #expect(html.ranges(of: "class=\"hunk ").count == 20)
  }

  @Test func mapIsOnlyMadeWhenAskedFor() throws {
    let reels = try ["a", "b"].map { try HTMLReportTests.reel($0) }
    #expect(try ReelDifference(reels[0], reels[1]).map == nil)
  }
}
