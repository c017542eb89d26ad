public import Machine
public struct HostFacts {
 public var irqWindowIsExact = false; public var cpuidIsEnforced = false; public var moduleName = "kvm_pvm"; public var kernelRelease = "?"; public var ripConventions: [String:String] = [:]; public var debugFeatures: DebugFeatures = [.singleStep, .breakpoint]
 public static func probe() throws(ProcessorError) -> HostFacts { HostFacts() } }
