package authsome

import (
	"context"
	"time"
)

// NoticeName says what has become of a login.
type NoticeName string

// What a person may want to be told of a login.
const (
	NoticeExpiring  NoticeName = "expiring"  // a login is needed before long; once for each date
	NoticeDied      NoticeName = "died"      // it has ended, and only another login helps
	NoticeRecovered NoticeName = "recovered" // what one of the other two said holds no longer
)

// Notice tells that a connection has come into another state. It holds no secret.
type Notice struct {
	Name              NoticeName
	Ref               Ref
	Time              time.Time
	Status            Status
	LoginNeededBy     time.Time // zero: nobody knows
	LoginNeededSource LifeSource
	Reason            string // why a login died
	Hint              string // the command that mends it; empty for [NoticeRecovered]
}

// Notifier tells a person. It must return before long; a failure is recorded and stops nothing.
type Notifier func(ctx context.Context, n Notice) error

// Keeper is an [AuthLayer] that can keep logins from lapsing.
type Keeper interface {
	// KeepAlive refreshes the logins of all profiles that disuse would end before long, one after the other, and sends the
	// notices that are due. It returns when it should be called next; the zero time if nothing is to be expected. A login
	// that cannot be refreshed does not make it fail: its own record and the audit log say so.
	KeepAlive(ctx context.Context) (next time.Time, err error)
}
