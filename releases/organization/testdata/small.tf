# Written by mageos-nightly org terraform; change the list instead, and write this again.
terraform {
  required_version = ">= 1.6"
  required_providers {
    github = {
      source  = "integrations/github"
      version = "~> 6.13"
    }
  }
}

provider "github" {
  owner = "acme"
}

import {
  to = github_membership.jane
  id = "acme:jane"
}

resource "github_membership" "jane" {
  username = "jane"
  role     = "admin"

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_membership.john
  id = "acme:john"
}

resource "github_membership" "john" {
  username = "john"
  role     = "member"

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_team.core
  id = "core"
}

resource "github_team" "core" {
  name        = "The core"
  description = "central"
  privacy     = "closed"

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [create_default_maintainer, notification_setting]
  }
}

import {
  to = github_team_members.core
  id = "core"
}

resource "github_team_members" "core" {
  team_id = github_team.core.id
  members {
    username = "jane"
    role     = "maintainer"
  }
  members {
    username = "john"
    role     = "member"
  }

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_team.empty
  id = "empty"
}

resource "github_team" "empty" {
  name           = "empty"
  privacy        = "secret"
  parent_team_id = github_team.core.id

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [create_default_maintainer, notification_setting, description]
  }
}

import {
  to = github_repository._2_x_8811c4
  id = "2.x"
}

resource "github_repository" "_2_x_8811c4" {
  name               = "2.x"
  visibility         = "private"
  archive_on_destroy = true

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [allow_auto_merge, allow_merge_commit, allow_rebase_merge, allow_squash_merge, allow_update_branch, auto_init, delete_branch_on_merge, gitignore_template, has_discussions, has_downloads, has_issues, has_projects, has_wiki, homepage_url, is_template, license_template, merge_commit_message, merge_commit_title, pages, security_and_analysis, squash_merge_commit_message, squash_merge_commit_title, template, topics, vulnerability_alerts, web_commit_signoff_required, description]
  }
}

import {
  to = github_branch_default._2_x_8811c4
  id = "2.x"
}

resource "github_branch_default" "_2_x_8811c4" {
  repository = github_repository._2_x_8811c4.name
  branch     = "main"

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_repository_collaborators._2_x_8811c4
  id = "2.x"
}

resource "github_repository_collaborators" "_2_x_8811c4" {
  repository = github_repository._2_x_8811c4.name
  team {
    team_id    = github_team.core.slug
    permission = "push"
  }
  user {
    username   = "guest"
    permission = "pull"
  }
  user {
    username   = "jane"
    permission = "admin"
  }

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_repository._2_x_aafa45
  id = "2_x"
}

resource "github_repository" "_2_x_aafa45" {
  name               = "2_x"
  description        = "$${gone} \"old\""
  visibility         = "public"
  archived           = true
  archive_on_destroy = true

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [allow_auto_merge, allow_merge_commit, allow_rebase_merge, allow_squash_merge, allow_update_branch, auto_init, delete_branch_on_merge, gitignore_template, has_discussions, has_downloads, has_issues, has_projects, has_wiki, homepage_url, is_template, license_template, merge_commit_message, merge_commit_title, pages, security_and_analysis, squash_merge_commit_message, squash_merge_commit_title, template, topics, vulnerability_alerts, web_commit_signoff_required]
  }
}

import {
  to = github_repository.shop
  id = "shop"
}

resource "github_repository" "shop" {
  name               = "shop"
  visibility         = "public"
  archive_on_destroy = true

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [allow_auto_merge, allow_merge_commit, allow_rebase_merge, allow_squash_merge, allow_update_branch, auto_init, delete_branch_on_merge, gitignore_template, has_discussions, has_downloads, has_issues, has_projects, has_wiki, homepage_url, is_template, license_template, merge_commit_message, merge_commit_title, pages, security_and_analysis, squash_merge_commit_message, squash_merge_commit_title, template, topics, vulnerability_alerts, web_commit_signoff_required, description]
  }
}

import {
  to = github_repository_collaborators.shop
  id = "shop"
}

resource "github_repository_collaborators" "shop" {
  repository = github_repository.shop.name
  team {
    team_id    = github_team.core.slug
    permission = "push"
  }
  team {
    team_id    = github_team.empty.slug
    permission = "admin"
  }

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_branch_protection.shop___e8465a
  id = "shop:*"
}

resource "github_branch_protection" "shop___e8465a" {
  repository_id                   = github_repository.shop.node_id
  pattern                         = "*"
  enforce_admins                  = false
  allows_deletions                = false
  allows_force_pushes             = false
  require_signed_commits          = false
  required_linear_history         = false
  require_conversation_resolution = false
  lock_branch                     = false
  required_pull_request_reviews {
    required_approving_review_count = 2
    require_code_owner_reviews      = false
    dismiss_stale_reviews           = false
    require_last_push_approval      = false
    restrict_dismissals             = true
    dismissal_restrictions          = ["acme/core"]
  }
  restrict_pushes {
    blocks_creations = false
    push_allowances  = [data.github_app.nightly_bot_33c1f3.node_id, "acme/core", "/jane"]
  }

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_branch_protection.shop_release___1d6bd6
  id = "shop:release/*"
}

resource "github_branch_protection" "shop_release___1d6bd6" {
  repository_id                   = github_repository.shop.node_id
  pattern                         = "release/*"
  enforce_admins                  = false
  allows_deletions                = false
  allows_force_pushes             = false
  require_signed_commits          = false
  required_linear_history         = false
  require_conversation_resolution = false
  lock_branch                     = false
  force_push_bypassers            = ["/john"]
  required_status_checks {
    strict   = false
    contexts = ["ci"]
  }

  lifecycle {
    prevent_destroy = true
  }
}

import {
  to = github_repository_ruleset.shop_tags_da6887
  id = "shop:7"
}

resource "github_repository_ruleset" "shop_tags_da6887" {
  repository  = github_repository.shop.name
  name        = "tags"
  target      = "tag"
  enforcement = "active"
  conditions {
    ref_name {
      include = ["~ALL"]
      exclude = []
    }
  }
  bypass_actors {
    actor_id    = github_team.core.id
    actor_type  = "Team"
    bypass_mode = "always"
  }
  bypass_actors {
    actor_id    = 2
    actor_type  = "RepositoryRole"
    bypass_mode = "pull_request"
  }
  bypass_actors {
    actor_type  = "OrganizationAdmin"
    bypass_mode = "always"
  }
  bypass_actors {
    actor_id    = 77
    actor_type  = "Integration"
    bypass_mode = "always"
  }
  bypass_actors {
    actor_type  = "DeployKey"
    bypass_mode = "always"
  }
  rules {
    deletion = true
    update   = true
    pull_request {
      required_approving_review_count   = 1
      require_code_owner_review         = false
      dismiss_stale_reviews_on_push     = false
      require_last_push_approval        = false
      required_review_thread_resolution = false
    }
    required_status_checks {
      strict_required_status_checks_policy = false
      required_check {
        context        = "ci"
        integration_id = 15368
      }
      required_check {
        context = "lint"
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "github_repository_ruleset" "shop_new_e660a4" {
  repository  = github_repository.shop.name
  name        = "new"
  target      = "branch"
  enforcement = "active"
  conditions {
    ref_name {
      include = ["~DEFAULT_BRANCH"]
      exclude = []
    }
  }
  rules {
    non_fast_forward = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

data "github_app" "nightly_bot_33c1f3" {
  slug = "nightly.bot"
}
