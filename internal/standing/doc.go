// Package standing is what a proxy that stays open has beside the proxy itself: a directory with the state that outlives
// it, and a socket on which the commands talk to it.
//
// Use [Open] in the process that serves and [Dial] in the commands. One directory belongs to one proxy at a time.
//
// What it promises: an agent's password is returned once, when it is made, and kept as a digest; a revocation has taken
// effect when [Client.Revoke] returns; a proxy that was killed finds its port and its agents when it is started again,
// and one that was told to stop leaves nothing.
package standing
