// Package held has rules of which its test holds some.
package held

func room(n int) bool {
	if n > 0 {
		return true
	}
	if n == -7 {
		n++
	}
	return false
}

func count() (n int) {
	n++
	return n
}
