package authsome

import "time"

// EventName says what happened.
type EventName string

// The events of the audit log.
const (
	EventLogin       EventName = "login"
	EventRefresh     EventName = "refresh"
	EventLogout      EventName = "logout"
	EventRevoke      EventName = "revoke"
	EventRemove      EventName = "remove"
	EventRegister    EventName = "register"
	EventExport      EventName = "export"
	EventRedact      EventName = "redact"      // the proxy covered a credential in an answer
	EventGuard       EventName = "guard"       // what may come back was changed
	EventPlaceholder EventName = "placeholder" // the body of a request held the placeholder, and was passed on as it was
	EventReveal      EventName = "reveal"      // a secret was shown
	EventUse         EventName = "use"         // a program got a credential from the library, where the log is required
	EventRunStart    EventName = "run.start"
	EventRunEnd      EventName = "run.end"
	EventInject      EventName = "inject"       // the proxy put a credential on a request
	EventDeny        EventName = "deny"         // the proxy refused a request
	EventTrust       EventName = "trust"        // a person agreed to what a project's file says
	EventUntrust     EventName = "untrust"      // and took that back
	EventBackup      EventName = "backup"       // everything in the vault went into a file
	EventRestore     EventName = "restore"      // and came back
	EventRepair      EventName = "vault.repair" // a damaged vault was made anew
	EventAccept      EventName = "vault.accept" // a person goes on with a vault that was put back
	EventNotify      EventName = "notify"       // a person was told of the state of a login

	EventKeyUse    EventName = "key.use"    // the data key was put into the care of another source
	EventKeyRotate EventName = "key.rotate" // a new data key was made

	EventUnlock EventName = "unlock" // an agent keeps the key of the vault from now on
	EventLock   EventName = "lock"   // a person had it forgotten

	EventAgentAdd    EventName = "agent.add"    // an agent got access to a proxy that stays open
	EventAgentRevoke EventName = "agent.revoke" // and lost it
)

// Event is one entry of the audit log. It never holds a secret.
type Event struct {
	Time   time.Time
	Name   EventName
	Ref    Ref
	Failed bool
	Reason string // on failure
	// Detail holds what belongs to this kind of event, such as host, method and path of an injection.
	Detail map[string]string
}

// Recorder takes events. Record returns when the event is safe from the death of the process, or when the recorder has
// promised to write it soon, as its documentation says. Implementations are safe for concurrent use.
type Recorder interface {
	Record(Event) error
}
