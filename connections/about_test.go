package connections_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/connections"
)

func TestAbout(t *testing.T) {
	t.Parallel()
	broken := errors.New("the lid is stuck")
	assert.EqualError(t, connections.About("variable", "nope", broken), `variable "nope": the lid is stuck`)
	assert.ErrorIs(t, connections.About("variable", "nope", broken), broken)
	own := connections.VariableNotFound("nope")
	assert.Equal(t, own, connections.About("variable", "nope", own), "once is enough")
	assert.EqualError(t, connections.About("variable", "no", errors.New(`variable "nope" is gone`)), `variable "no": variable "nope" is gone`)
}
