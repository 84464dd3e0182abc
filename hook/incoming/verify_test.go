package incoming_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/incoming"
)

var now = time.UnixMilli(1700000000000)

func header(values ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(values); i += 2 {
		h.Set(values[i], values[i+1])
	}
	return h
}

// The vector of the protocol page.
func TestVerifyRobot(t *testing.T) {
	t.Parallel()
	const stamp, sign = "1700000000000", "m+z+mEC1i0Yjl/Aw0bx4oW/d2N2yJVwOXC0dBmBAufA="
	for _, c := range []struct {
		name   string
		header http.Header
		secret connections.Secret
		at     time.Time
		want   error
	}{
		{"right", header("timestamp", stamp, "sign", sign), "app-secret-1", now, nil},
		{"nearly an hour late", header("timestamp", stamp, "sign", sign), "app-secret-1", now.Add(time.Hour), nil},
		{"over an hour late", header("timestamp", stamp, "sign", sign), "app-secret-1", now.Add(time.Hour + time.Millisecond), incoming.ErrClock},
		{"over an hour early", header("timestamp", stamp, "sign", sign), "app-secret-1", now.Add(-time.Hour - time.Millisecond), incoming.ErrClock},
		{"another secret", header("timestamp", stamp, "sign", sign), "app-secret-2", now, incoming.ErrSignature},
		{"another time", header("timestamp", "1700000000001", "sign", sign), "app-secret-1", now, incoming.ErrSignature},
		{"no base64", header("timestamp", stamp, "sign", "?"), "app-secret-1", now, incoming.ErrSignature},
		{"cut off", header("timestamp", stamp, "sign", sign[:40]), "app-secret-1", now, incoming.ErrSignature},
		{"no sign", header("timestamp", stamp), "app-secret-1", now, incoming.ErrUnsigned},
		{"no timestamp", header("sign", sign), "app-secret-1", now, incoming.ErrUnsigned},
		{"nothing", nil, "app-secret-1", now, incoming.ErrUnsigned},
		{"no secret", header("timestamp", stamp, "sign", sign), "", now, incoming.ErrNoSecret},
	} {
		at, err := incoming.VerifyRobot(c.header, c.secret, c.at)
		require.ErrorIs(t, err, c.want, c.name)
		if c.want == nil {
			assert.Equal(t, now.UnixMilli(), at.UnixMilli(), c.name)
		}
	}
}

// The vector of the protocol page.
func TestVerifyCard(t *testing.T) {
	t.Parallel()
	h := header("x-ddpaas-signature-timestamp", "1700000000000", "x-ddpaas-signature", "jbfW9IWoVwNBxfc3A31HuJi8+42BsgaiSLCRTSM6XGM=")
	at, err := incoming.VerifyCard(h, "card-secret-1", now)
	require.NoError(t, err)
	assert.Equal(t, now.UnixMilli(), at.UnixMilli())
	_, err = incoming.VerifyCard(h, "card-secret-2", now)
	require.ErrorIs(t, err, incoming.ErrSignature)
	_, err = incoming.VerifyCard(h, "card-secret-1", now.Add(2*time.Hour))
	require.ErrorIs(t, err, incoming.ErrClock)
	h.Del("x-ddpaas-signature")
	_, err = incoming.VerifyCard(h, "card-secret-1", now)
	require.ErrorIs(t, err, incoming.ErrUnsigned)
}

func FuzzVerifyRobot(f *testing.F) {
	f.Add("1700000000000", "m+z+mEC1i0Yjl/Aw0bx4oW/d2N2yJVwOXC0dBmBAufA=")
	f.Fuzz(func(t *testing.T, stamp, sign string) {
		ms, err := strconv.ParseInt(stamp, 10, 64)
		if _, verr := incoming.VerifyRobot(header("timestamp", stamp, "sign", sign), "another secret", now); verr == nil {
			t.Fatalf("a forged signature was accepted: %d %v", ms, err)
		}
	})
}
