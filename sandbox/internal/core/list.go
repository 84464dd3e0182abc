package core

import (
	"slices"
	"strconv"
)

// Find returns the first that matches, or nil.
func Find[T any](in []*T, match func(*T) bool) *T {
	if i := slices.IndexFunc(in, match); i >= 0 {
		return in[i]
	}
	return nil
}

// Values copies what the pointers point to.
func Values[T any](in []*T) []T {
	out := make([]T, len(in))
	for i, p := range in {
		out[i] = *p
	}
	return out
}

// Last returns the last n, or all when there are fewer.
func Last[T any](in []T, n int) []T {
	return in[max(0, len(in)-n):]
}

// NotNil makes an empty list "[]" and not "null" in JSON.
func NotNil[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

// offsetToken is where the next page begins, written as the opaque text that clients hand back.
func offsetToken(offset int) string { return "nt" + strconv.Itoa(offset) }

// Page cuts one page out of a list. The token is empty on the last page; ok is false
// when the token is none of ours.
func Page[T any](all []T, token string, size int) (items []T, next string, ok bool) {
	offset := 0
	if token != "" {
		n, err := strconv.Atoi(token[min(2, len(token)):])
		if err != nil || offsetToken(n) != token || n < 0 || n > len(all) {
			return nil, "", false
		}
		offset = n
	}
	end := min(len(all), offset+size)
	if end < len(all) {
		next = offsetToken(end)
	}
	return all[offset:end], next, true
}
