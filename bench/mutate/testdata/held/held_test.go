package held

import "testing"

func TestRoom(t *testing.T) {
	if !room(1) || count() != 1 {
		t.Fail()
	}
}
