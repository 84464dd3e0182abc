package sandbox

// Patterns returns the path of each call by its name, for tests of all calls alike.
func Patterns() map[string]string {
	out := map[string]string{}
	for _, c := range New(Options{}).core.Calls() {
		out[c.Name] = c.Pattern
	}
	return out
}
