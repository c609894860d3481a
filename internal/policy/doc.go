// Package policy decides which requests of a run may go out at all. Begin with [ParseRule] and [New]; [Policy.For] says what
// holds for one host, and [Host.Check] decides about a request to it.
//
// What it promises:
//
//   - Restrictions add up. What one rule denies no other allows; where several origins each have a list of what is allowed,
//     a request must be on all of the lists.
//   - A path is judged as it is written and as the most obliging server would read it. A rule that denies holds if any of these
//     readings meets it, a rule that allows if all of them do. A path with dot segments, empty segments, backslashes or
//     parameters is refused wherever a rule looks at paths.
//   - A request that asks the server to take it for one of another method is judged as both.
//   - Where there are no rules there is no [Host], so that nothing is decided and nothing is paid.
package policy
