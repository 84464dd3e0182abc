//go:build !linux

package standard

// cgroup is Linux's.
type cgroup struct{ path string }

func (cgroup) refused(error) bool { return false }
func (cgroup) remove()            {}

func leftCgroup(string) cgroup { return cgroup{} }

// startedAt and machineStart are not known here, so nobody is taken for one of ours.

func startedAt(int) string { return "" }
func machineStart() string { return "" }
