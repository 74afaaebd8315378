// Package supervise keeps apps alive. It has one goroutine per instance, which owns that instance's
// state machine (machine.go) and process; everything else talks to it through its inbox, so an
// instance is never in two states and no input is lost. Supervisor.Run owns all of them and returns
// when the last instance has ended.
//
// The gateway's pool is told directly (Balancer), before an event is published: traffic never
// depends on the event bus. Decisions are made by the monotonic clock alone: a wall clock that jumps
// restarts nothing and delays nothing.
//
// The state machine is the table below, which is what runs (table.go). An input is decided by the
// first of its rows whose conditions all hold; the actions are carried out in their order.
//
// # Transitions
//
//	state                                          input               if                                                                   next        actions
//	stopped, exited, backoff, crash_loop           start               a dependency is down                                                 pending     forget the past; wait for the dependencies
//	stopped, exited, backoff, crash_loop           start                                                                                    pending     forget the past; start a process
//	pending                                        start               held down by maintenance; a dependency is down                       pending     forget the past; wait for the dependencies
//	pending                                        start               held down by maintenance                                             pending     forget the past; start a process
//	pending                                        start                                                                                    ignored     it is on its way
//	starting, running                              start                                                                                    ignored     it runs
//	draining, stopping                             start               it is to stay down                                                   stays       then run again
//	draining, stopping                             start                                                                                    ignored     it runs again anyway
//	stopped                                        stop                                                                                     ignored     it is down
//	exited                                         stop                it ended well                                                        ignored     its work is done
//	exited, pending, backoff, crash_loop           stop                                                                                     stopped     stay down
//	running                                        stop                it has a port and stop.drain                                         draining    note what follows; out of balancing; let requests in flight end
//	starting, running                              stop                                                                                     stopping    note what follows; out of balancing; ask it to end
//	draining, stopping                             stop                                                                                     stays       then stay down
//	any but running                                restart             to recycle memory                                                    ignored     only a running process uses too much
//	running                                        restart             to recycle memory; in maintenance                                    ignored     nothing is restarted in maintenance
//	stopped                                        restart             for a changed configuration                                          ignored     somebody stopped it
//	stopped, exited, backoff, crash_loop           restart             a dependency is down                                                 pending     forget the past; wait for the dependencies
//	stopped, exited, backoff, crash_loop           restart                                                                                  pending     forget the past; start a process
//	pending                                        restart             held down by maintenance; a dependency is down                       pending     forget the past; wait for the dependencies
//	pending                                        restart             held down by maintenance                                             pending     forget the past; start a process
//	pending                                        restart                                                                                  ignored     it is on its way
//	running                                        restart             to recycle memory; it has a port and stop.drain                      draining    note what follows; tell instance.recycled; out of balancing; let requests in flight end
//	running                                        restart             to recycle memory                                                    stopping    note what follows; tell instance.recycled; out of balancing; ask it to end
//	running                                        restart             it has a port and stop.drain                                         draining    note what follows; out of balancing; let requests in flight end
//	starting, running                              restart                                                                                  stopping    note what follows; out of balancing; ask it to end
//	draining, stopping                             restart             for a changed configuration; it is to stay down                      ignored     somebody stops it
//	draining, stopping                             restart                                                                                  stays       then run again
//	backoff, crash_loop                            maintenance begins                                                                       pending     note it; wait for the end of maintenance
//	pending                                        maintenance begins  it ended and waits for a dependency                                  stays       note it; wait for the end of maintenance
//	any but backoff, crash_loop                    maintenance begins                                                                       stays       note it
//	pending                                        maintenance ends    held down by maintenance; a dependency is down                       pending     note it; forget the past; wait for the dependencies
//	pending                                        maintenance ends    held down by maintenance                                             pending     note it; forget the past; start a process
//	running                                        maintenance ends    a probe gave up meanwhile                                            stays       note it; watch it anew
//	any                                            maintenance ends                                                                         stays       note it
//	pending                                        dependencies ready  it waits for them                                                    stays       start a process
//	any                                            dependencies ready                                                                       ignored     it does not wait for them any more
//	pending                                        spawned             it has a startup probe                                               starting    note the process; run the startup probe
//	pending                                        spawned             no probe is left to decide                                           running     note the process; watch it; into balancing
//	pending                                        spawned                                                                                  running     note the process; watch it; await readiness
//	any but pending                                spawned                                                                                  ignored     cannot be: it follows on start at once
//	pending                                        spawn failed        the policy lets it end                                               exited      out of balancing; keep and tell its exit; stay down
//	pending                                        spawn failed        in maintenance                                                       pending     out of balancing; keep and tell its exit; wait for the end of maintenance
//	pending                                        spawn failed        a dependency is down                                                 pending     out of balancing; keep and tell its exit; count it as the dependency's; wait for the dependencies
//	pending                                        spawn failed        max_restarts within the window; for the first time                   crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try; tell instance.crash_loop
//	pending                                        spawn failed        max_restarts within the window                                       crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try
//	pending                                        spawn failed        the first in a row                                                   pending     out of balancing; keep and tell its exit; count the restart; start a process
//	pending                                        spawn failed                                                                             backoff     out of balancing; keep and tell its exit; count the restart; schedule the next try
//	any but pending                                spawn failed                                                                             ignored     cannot be: it follows on start at once
//	starting                                       startup done        no probe is left to decide                                           running     watch it; into balancing
//	starting                                       startup done                                                                             running     watch it; await readiness
//	any but starting                               startup done                                                                             ignored     it comes late
//	any                                            gave up             about an earlier process                                             ignored     that process is gone
//	starting, running                              gave up             over limits.memory                                                   stopping    note what follows; tell instance.memory_limit; out of balancing; ask it to end
//	draining                                       gave up             over limits.memory                                                   stopping    tell instance.memory_limit; ask it to end
//	starting                                       gave up             in maintenance                                                       stays       note it and leave it alone; run the startup probe
//	running                                        gave up             in maintenance                                                       stays       note it and leave it alone
//	starting, running                              gave up                                                                                  stopping    note what follows; out of balancing; ask it to end
//	any but starting, running                      gave up                                                                                  ignored     its end is decided
//	running                                        readiness           it succeeded and was not ready                                       stays       into balancing
//	running                                        readiness           it failed and was ready                                              stays       out of balancing, and say why
//	any                                            readiness                                                                                ignored     it changes nothing
//	starting                                       inspected                                                                                stays       tell a wrong port
//	any but starting                               inspected                                                                                ignored     it comes late
//	starting, running                              ended               the policy lets it end                                               exited      out of balancing; keep and tell its exit; stay down
//	starting, running                              ended               in maintenance                                                       pending     out of balancing; keep and tell its exit; wait for the end of maintenance
//	starting, running                              ended               a dependency is down                                                 pending     out of balancing; keep and tell its exit; count it as the dependency's; wait for the dependencies
//	starting, running                              ended               max_restarts within the window; for the first time                   crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try; tell instance.crash_loop
//	starting, running                              ended               max_restarts within the window                                       crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try
//	starting, running                              ended               the first in a row                                                   pending     out of balancing; keep and tell its exit; count the restart; start a process
//	starting, running                              ended                                                                                    backoff     out of balancing; keep and tell its exit; count the restart; schedule the next try
//	draining, stopping                             ended               it was given up; the policy lets it end                              exited      out of balancing; keep and tell its exit; stay down
//	draining, stopping                             ended               it was given up; in maintenance                                      pending     out of balancing; keep and tell its exit; wait for the end of maintenance
//	draining, stopping                             ended               it was given up; a dependency is down                                pending     out of balancing; keep and tell its exit; count it as the dependency's; wait for the dependencies
//	draining, stopping                             ended               it was given up; max_restarts within the window; for the first time  crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try; tell instance.crash_loop
//	draining, stopping                             ended               it was given up; max_restarts within the window                      crash_loop  out of balancing; keep and tell its exit; count the restart; schedule the next try
//	draining, stopping                             ended               it was given up; the first in a row                                  pending     out of balancing; keep and tell its exit; count the restart; start a process
//	draining, stopping                             ended               it was given up                                                      backoff     out of balancing; keep and tell its exit; count the restart; schedule the next try
//	draining, stopping                             ended               it is to run again; a dependency is down                             pending     keep and tell its exit; forget the past; wait for the dependencies
//	draining, stopping                             ended               it is to run again                                                   pending     keep and tell its exit; forget the past; start a process
//	draining, stopping                             ended                                                                                    stopped     keep and tell its exit; stay down
//	stopped, exited, backoff, crash_loop, pending  ended                                                                                    ignored     cannot be: there is no process
//	draining                                       drained                                                                                  stopping    ask it to end
//	any but draining                               drained                                                                                  ignored     it comes late
//	starting                                       time up                                                                                  stays       look at its ports
//	draining                                       time up                                                                                  stopping    ask it to end
//	stopping                                       time up             it was killed                                                        stays       kill the tree again
//	stopping                                       time up                                                                                  stays       kill the tree
//	backoff, crash_loop                            time up             a dependency is down                                                 pending     wait for the dependencies
//	backoff, crash_loop                            time up                                                                                  pending     start a process
//	stopped, exited, pending, running              time up                                                                                  ignored     no timer runs
package supervise
