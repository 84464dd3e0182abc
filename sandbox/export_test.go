package sandbox

// Patterns returns the path of each call by its name, for tests of all calls alike.
func Patterns() map[string]string {
	out := map[string]string{}
	for _, c := range calls() {
		out[c.name] = c.pattern
	}
	return out
}
