"""Tallyworks, the fictional subscription software company of the demo and of the benchmarks.

Teams and single people plan work and send invoices with it. `company` says who exists and which
hidden states they go through; the other modules show what HubSpot, Stripe, Segment, Zendesk and a
survey table know of them, in those systems' own shapes. `generate` writes it all down. Everyone
and everything is invented; e-mail domains are reserved names and phone numbers fictional ones.

Dirt, on purpose, with its counts in the committed demo of 2,000 people:

- One person in several systems: 45 people are two contacts whose addresses differ in capitals;
  182 contacts, 106 Stripe customers and some users, tickets and surveys spell the address with
  capitals or spaces; 39 Stripe customers and 22 Zendesk users have another address altogether and
  are tied by the user id in `metadata` or `external_id`.
- Gaps: 59 users have no contact, 46 Stripe customers have none either, 11 of those no user, and
  85 Stripe customers carry no user id. 28 contacts have no address, a few contacts and customers
  are deleted, and most optional columns are null now and then.
- 16 test accounts, at example.com and tallyworks.test.
- Events: about 200 arrive hours or days late, about 55 are delivered twice with one id, about 310
  carry no user. 601 users browsed before they signed up. One computer, so one anonymous id,
  belongs to two users. Some users have two devices. Visitors whom nobody knows leave pages only.
- Money: 4 currencies (yen have no minor unit), about 400 failed payments, most of them recovered,
  53 invoices given up, some void or draft, fewer than 40 refunds (a few failed) and as many
  credit notes (a few void), never both on one invoice. Seats added within a period are prorated.
- Subscriptions: 10 customers hold two at once, 97 came back after leaving, 39 have cancelled but
  run on, 14 are in a trial that ends after the data, 12 owe money.
- 243 people opted out of e-mail and 28 of them in again. 12 time zones; countries come as names,
  as codes and in lower case. 30 users run into failing imports again and again.
- The days before the last 60 are a sample (about 5 % of the days on which somebody worked), to
  keep the files small; the last 60 days and all sign-ups, trials, checkouts, upgrades and
  cancellations are complete. At 60 events for each person nothing is thinned.

Stripe's history keeps a version for each change of status and for the current renewal, not for
every renewal: between the two, `current_period_*` is the period in which the version began.
"""
