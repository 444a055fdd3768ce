SET session_replication_role = replica;
--
-- PostgreSQL database dump
--

-- Dumped from database version 15.1 (Ubuntu 15.1-1.pgdg20.04+1)
-- Dumped by pg_dump version 15.5 (Ubuntu 15.5-1.pgdg20.04+1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;

--
-- Data for Name: users; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

INSERT INTO "auth"."users" ("instance_id", "id", "aud", "role", "email", "encrypted_password", "email_confirmed_at", "confirmation_token", "recovery_token", "email_change_token_new", "email_change", "raw_app_meta_data", "raw_user_meta_data", "is_super_admin", "created_at", "updated_at", "phone", "is_sso_user") VALUES
	('00000000-0000-0000-0000-000000000000', 'cccccccc-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'olga@acme.test', '$2a$10$RGOSyPBiVOaaZsQ3xeoKxOIGsyfpVkC4OqQVU9hbSIZ8rzlIYxmya', '2024-01-01 10:00:00.123+00', '', '', '', '', '{"provider": "email"}', '{"name": "Olga"}', NULL, '2024-01-01 10:00:00.123+00', '2024-01-01 10:00:00.123+00', NULL, false),
	('00000000-0000-0000-0000-000000000000', 'cccccccc-0000-4000-8000-000000000002', 'authenticated', 'authenticated', 'max@acme.test', NULL, '2024-01-01 10:00:00+00', '', '', '', '', '{"provider": "email"}', '{}', NULL, '2024-01-01 10:00:00+00', '2024-01-01 10:00:00+00', NULL, false),
	('00000000-0000-0000-0000-000000000000', 'cccccccc-0000-4000-8000-000000000003', 'authenticated', 'authenticated', 'eve@evil.test', NULL, '2024-01-01 10:00:00+00', '', '', '', '', '{"provider": "email"}', '{}', NULL, '2024-01-01 10:00:00+00', '2024-01-01 10:00:00+00', NULL, false);

--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."accounts" ("id", "primary_owner_user_id", "name", "slug", "plan", "seats", "billing_email", "created_at", "public_metadata") FROM stdin;
dddddddd-0000-4000-8000-000000000001	cccccccc-0000-4000-8000-000000000001	Acme, Inc.	acme	pro	25	\N	2024-01-02 11:22:33.444+00	{"logo": "a\\\\b.png"}
dddddddd-0000-4000-8000-000000000002	cccccccc-0000-4000-8000-000000000003	Evil\tCorp	evil	free	1	eve@evil.test	2024-01-03 00:00:00+00	{}
\.


--
-- Data for Name: account_members; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."account_members" ("user_id", "account_id", "role", "joined_at") FROM stdin;
cccccccc-0000-4000-8000-000000000001	dddddddd-0000-4000-8000-000000000001	owner	2024-01-02 11:22:33.444+00
cccccccc-0000-4000-8000-000000000002	dddddddd-0000-4000-8000-000000000001	member	2024-01-05 00:00:00+00
cccccccc-0000-4000-8000-000000000003	dddddddd-0000-4000-8000-000000000002	owner	2024-01-05 00:00:00+00
\.


--
-- Data for Name: invitations; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."invitations" ("id", "account_role", "account_id", "token", "invited_by_user_id") FROM stdin;
eeeeeeee-0000-4000-8000-000000000001	member	dddddddd-0000-4000-8000-000000000001	letmein	cccccccc-0000-4000-8000-000000000001
\.


--
-- Data for Name: legacy_plans; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."legacy_plans" ("id", "code") FROM stdin;
1	basic
2	 multi\nline 
\.


--
-- Data for Name: projects; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."projects" ("id", "account_id", "name", "budget", "hours", "active_months", "settings", "created_by", "created_at") FROM stdin;
1	dddddddd-0000-4000-8000-000000000001	Rocket	1500.50	12.5	{1,2,12}	{"color": "red", "stages": [1, 2]}	cccccccc-0000-4000-8000-000000000001	2024-02-01 08:00:00
2	dddddddd-0000-4000-8000-000000000001	Roller skates	99.90	\N	{}	{}	\N	2024-02-02 08:00:00
7	dddddddd-0000-4000-8000-000000000002	World domination	0.00	1e+20	{3}	{"secret": true}	cccccccc-0000-4000-8000-000000000003	2024-02-03 08:00:00
\.


--
-- Name: projects_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('"public"."projects_id_seq"', 7, true);


SELECT pg_catalog.setval('"public"."legacy_plans_id_seq"', 2, true);


--
-- PostgreSQL database dump complete
--

RESET ALL;
